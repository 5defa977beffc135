"""`Verifier`: verifies SSH credentials for a node's SSH server."""

import hmac
from collections.abc import Sequence
from datetime import timedelta

from chalicelib.fleet.facts import LOGIN_REFUSED
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.ssh import store
from chalicelib.fleet.ssh.attempt_store import Attempts
from chalicelib.fleet.ssh.model import AuthMethod, Credential, SshUsername
from chalicelib.fleet.ssh.openssh import BadKeyError, parse
from chalicelib.fleet.ssh.passwords import Passwords
from chalicelib.fleet.ssh.store import username_from_item, username_id, username_ref
from chalicelib.kit.clock import Clock, to_microseconds_text, to_seconds_text
from chalicelib.kit.tables import Put, Tables, TransactionFailedError, Write
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
        """Whether the node has this very user name with this credential.

        An unknown user name, or one without a password, takes the time of a wrong password; all keys are compared
        completely. A deletion that was confirmed before is effective.

        Raises `EdgeError` (rate limited) with the seconds to wait, before anything is compared, when too many attempts
        of the node have failed, (service unavailable).
        """
        username = self._look_up(node, credential)
        matches = self._matches(username, credential)
        verified = username is not None and matches
        if not verified:
            self._attempts.count_failure(node.id, credential.method)
        self._record(node, username, credential, verified=verified)
        return verified

    def _look_up(self, node: Node, credential: Credential) -> SshUsername | None:
        """Read the user name and the node's failed attempts in one call. Raises `EdgeError` (rate limited)."""
        wanted = username_ref(username_id(node.id, node.inserted_at, credential.username))
        row, failures = self._tables.get_many([wanted, self._attempts.ref(node.id, credential.method)])
        self._attempts.check(failures, credential.method)
        # The id is only a hash of the name.
        return username_from_item(row) if row is not None and row["username"] == credential.username else None

    def _matches(self, username: SshUsername | None, credential: Credential) -> bool:
        if credential.method is AuthMethod.PASSWORD:
            stored = None if username is None else username.password_hash
            return self._passwords.verify(stored, credential.secret.reveal())
        try:
            offered = parse(credential.secret.reveal()).fingerprint.encode()
        except BadKeyError:
            return False
        known = () if username is None else username.public_keys
        # All keys are compared, also those after the matching one.
        return sum(hmac.compare_digest(offered, key.fingerprint.encode()) for key in known) > 0

    def _record(self, node: Node, username: SshUsername | None, credential: Credential, *, verified: bool) -> None:
        """The event and, once in a while, the time on the row."""
        now = self._clock.now()
        occurrence = self._occurrence(node, username, credential, verified=verified)
        not_since = to_seconds_text(now - NOTED_EVERY)
        if verified and username is not None and (username.last_verified_at or "") < not_since:
            note = store.note_verified(username, to_seconds_text(now), not_since)
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

    def _occurrence(self, node: Node, username: SshUsername | None, credential: Credential, *, verified: bool) -> Put:
        known = username is not None
        return self._events.occurrence(
            _VERIFIED_EVENT,
            {
                "ssh_username_id": username.id if username is not None else None,
                "node_id": node.id,
                "cluster_name": node.cluster_name if known else None,
                "username": credential.username,
                "auth_method": (credential.method if known else AuthMethod.UNKNOWN).value,
                "result": "success" if verified else "failure",
                "verified_at": to_microseconds_text(self._clock.now()),
            },
            () if verified else (Event(LOGIN_REFUSED, {"node_id": node.id, "auth_method": credential.method.value}),),
        )
