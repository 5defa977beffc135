"""`Verifier`: verifies SSH credentials for a node's SSH server."""

from datetime import timedelta

from chalicelib.fleet.facts import LOGIN_REFUSED
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.ssh.account_store import note_verified
from chalicelib.fleet.ssh.attempt_store import Attempts
from chalicelib.fleet.ssh.deciding import still_good, with_key, with_password
from chalicelib.fleet.ssh.group_model import GroupUser
from chalicelib.fleet.ssh.group_store import GROUP_USERS
from chalicelib.fleet.ssh.lookup import Lookup, Standing
from chalicelib.fleet.ssh.model import AuthMethod, Credential, SshUsername
from chalicelib.fleet.ssh.store import USERNAMES
from chalicelib.kit.clock import Clock, to_microseconds_text, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.openssh import BadKeyError, parse
from chalicelib.kit.tables import Put, Ref, Tables
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
        fingerprint = _fingerprint_of(credential)
        standing = self._look_up(node, credential, fingerprint)
        good = still_good(standing.accounts, standing.name_revoked_at)
        if credential.method is AuthMethod.PASSWORD:
            account = with_password(good)
            stored = None if account is None else account.password_hash
            verified = self._passwords.verify(stored, credential.secret.reveal())
        else:
            account = with_key(good, fingerprint, standing.key_revoked_at) if fingerprint else None
            verified = account is not None
        if not verified:
            self._attempts.count_failure(node.id, credential.method)
        self._record(node, account or next(iter(good), None), credential, verified=verified)
        return verified

    def _look_up(self, node: Node, credential: Credential, fingerprint: str) -> Standing:
        """Read all that a login depends on in one call. Raises `EdgeError` (rate limited)."""
        lookup = Lookup(node, credential.username, fingerprint)
        failures, *rows = self._tables.get_many([self._attempts.ref(node.id, credential.method), *lookup.refs])
        self._attempts.check(failures, credential.method)
        return lookup.standing(rows)

    def _record(
        self, node: Node, account: SshUsername | GroupUser | None, credential: Credential, *, verified: bool
    ) -> None:
        """The event and, once in a while, the time on the row."""
        now = self._clock.now()
        occurrence = self._occurrence(node, account, credential, verified=verified)
        not_since = to_seconds_text(now - NOTED_EVERY)
        if verified and account is not None and (account.last_verified_at or "") < not_since:
            note = note_verified(_ref_of(account), account, to_seconds_text(now), not_since)
            if is_committed(self._tables, [occurrence, note], _VERIFIED):
                return
            # Another login has just noted it, or the row is gone: the event alone is left to write.
        self._tables.write(occurrence, _VERIFIED)

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


def _ref_of(account: SshUsername | GroupUser) -> Ref:
    return Ref(GROUP_USERS if isinstance(account, GroupUser) else USERNAMES, {"id": account.id})


def _fingerprint_of(credential: Credential) -> str:
    """The fingerprint of the offered key; an empty text for a password and for an invalid key."""
    if credential.method is AuthMethod.PASSWORD:
        return ""
    try:
        return parse(credential.secret.reveal()).fingerprint
    except BadKeyError:
        return ""
