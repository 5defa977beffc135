"""`Verifier`: verifies SSH credentials for a node's SSH server."""

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.fleet.facts import LOGIN_REFUSED
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.ssh import group_store, store
from chalicelib.fleet.ssh.attempt_store import Attempts
from chalicelib.fleet.ssh.deciding import still_good, with_key, with_password
from chalicelib.fleet.ssh.group_model import GroupUser, Person
from chalicelib.fleet.ssh.group_store import (
    group_user_ref,
    groups_of,
    latest_revocation,
    revocation_ref,
    user_from_item,
)
from chalicelib.fleet.ssh.model import AuthMethod, Credential, SshUsername
from chalicelib.fleet.ssh.openssh import BadKeyError, parse
from chalicelib.fleet.ssh.store import username_from_item, username_id, username_ref
from chalicelib.kit.clock import Clock, to_microseconds_text, to_seconds_text
from chalicelib.kit.tables import Put, Tables, TransactionFailedError, Update, Write
from chalicelib.platform.access.passwords import Passwords
from chalicelib.platform.context import Event
from chalicelib.platform.events.service import Events

NOTED_EVERY = timedelta(minutes=1)
"""The minimum interval between two updates of ``last_verified_at``."""

_VERIFIED_EVENT = "edge.ssh_username.verified"
_VERIFIED = "ssh_username.verified"


class Verifier:
    """Verifies credentials for agents. Every answer is published as an event, a refusal by the rate limit is not."""

    def __init__(self, tables: Tables, clock: Clock, *, events: Events, passwords: Passwords) -> None:
        self._tables = tables
        self._clock = clock
        self._events = events
        self._passwords = passwords
        self._attempts = Attempts(tables, clock)

    def verify(self, node: Node, credential: Credential) -> bool:
        """Whether the node, its cluster or one of its labels has this very user name with this credential, and access
        was not taken away since.

        An unknown user name, or one without a password, takes the time of a wrong password; all keys are compared
        completely. A deletion that was confirmed before is effective, and so is a revocation.

        Raises `EdgeError` (rate limited) with the seconds to wait, before anything is compared, when too many attempts
        of the node have failed, (service unavailable).
        """
        person = Person(username=credential.username)
        fingerprint = _fingerprint_of(credential)
        accounts, by_name, by_key = self._look_up(node, credential, person, fingerprint)
        good = still_good(accounts, by_name)
        if credential.method is AuthMethod.PASSWORD:
            account = with_password(good)
            stored = None if account is None else account.password_hash
            verified = self._passwords.verify(stored, credential.secret.reveal())
        else:
            account = with_key(good, fingerprint, by_key) if fingerprint else None
            verified = account is not None
        if not verified:
            self._attempts.count_failure(node.id, credential.method)
        self._record(node, account or next(iter(good), None), credential, verified=verified)
        return verified

    def _look_up(
        self, node: Node, credential: Credential, person: Person, fingerprint: str
    ) -> tuple[list[SshUsername | GroupUser], str, str]:
        """Read all that a login depends on in one call: the accounts from the narrowest to the widest, and when the
        name and the key last lost access. Raises `EdgeError` (rate limited)."""
        own = username_ref(username_id(node.id, node.inserted_at, credential.username))
        groups = [
            group_user_ref(group, credential.username) for group in groups_of(node.cluster_id, node.labels.items())
        ]
        names = [revocation_ref(person, cluster_id) for cluster_id in (None, node.cluster_id)]
        key = Person(fingerprint=fingerprint)
        keys = [revocation_ref(key, cluster_id) for cluster_id in (None, node.cluster_id)] if fingerprint else []
        wanted = [self._attempts.ref(node.id, credential.method), own, *groups, *names, *keys]
        failures, mine, *others = self._tables.get_many(wanted)
        self._attempts.check(failures, credential.method)
        of_groups, revoked = others[: len(groups)], others[len(groups) :]
        accounts: list[SshUsername | GroupUser] = [] if mine is None else [username_from_item(mine)]
        accounts += [user_from_item(row) for row in of_groups if row is not None]
        # Ids are only hashes of names.
        exact = [account for account in accounts if account.username == credential.username]
        return exact, latest_revocation(revoked[: len(names)]), latest_revocation(revoked[len(names) :])

    def _record(
        self, node: Node, account: SshUsername | GroupUser | None, credential: Credential, *, verified: bool
    ) -> None:
        """The event and, once in a while, the time on the row."""
        now = self._clock.now()
        occurrence = self._occurrence(node, account, credential, verified=verified)
        not_since = to_seconds_text(now - NOTED_EVERY)
        if verified and account is not None and (account.last_verified_at or "") < not_since:
            note = _note_of(account, to_seconds_text(now), not_since)
            if self._commit([occurrence, note]):
                return
            # Another login has just noted it, or the row is gone: the event alone is left to write.
        self._tables.write(occurrence, _VERIFIED)

    def _commit(self, writes: Sequence[Write]) -> bool:
        """Whether all conditions held."""
        try:
            self._tables.commit(writes, _VERIFIED)
        except TransactionFailedError:
            return False
        return True

    def _occurrence(
        self, node: Node, account: SshUsername | GroupUser | None, credential: Credential, *, verified: bool
    ) -> Put:
        known = account is not None
        return self._events.occurrence(
            _VERIFIED_EVENT,
            {
                "ssh_username_id": account.id if account is not None else None,
                "node_id": node.id,
                "cluster_name": node.cluster_name if known else None,
                "username": credential.username,
                "auth_method": (credential.method if known else AuthMethod.UNKNOWN).value,
                "result": "success" if verified else "failure",
                "verified_at": to_microseconds_text(self._clock.now()),
            },
            () if verified else (Event(LOGIN_REFUSED, {"node_id": node.id, "auth_method": credential.method.value}),),
        )


def _note_of(account: SshUsername | GroupUser, now: str, not_since: str) -> Update:
    if isinstance(account, GroupUser):
        return group_store.note_verified(account, now, not_since)
    return store.note_verified(account, now, not_since)


def _fingerprint_of(credential: Credential) -> str:
    """The fingerprint of the offered key; an empty text for a password and for an invalid key."""
    if credential.method is AuthMethod.PASSWORD:
        return ""
    try:
        return parse(credential.secret.reveal()).fingerprint
    except BadKeyError:
        return ""
