"""`Sessions`: says which open sessions of a node have lost what they were let in by."""

from collections.abc import Sequence

from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.ssh.deciding import still_in
from chalicelib.fleet.ssh.lookup import Lookup
from chalicelib.fleet.ssh.model import OpenSession
from chalicelib.kit.tables import Tables


class Sessions:
    """Only reads: one row for each account and revocation that a session's user name can have on the node."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def ended(self, node: Node, sessions: Sequence[OpenSession]) -> list[str]:
        """The ids of the sessions that are to end: access was taken away since the login, or there is no account any
        more that has the key, or the password, of that login. Raises `EdgeError` (service unavailable)."""
        lookups = [Lookup(node, session.username, session.fingerprint or "") for session in sessions]
        rows = iter(self._tables.get_many([ref for lookup in lookups for ref in lookup.refs]))
        standings = [lookup.standing([next(rows) for _ in lookup.refs]) for lookup in lookups]
        return [
            session.id
            for session, found in zip(sessions, standings, strict=True)
            if not still_in(session, found.accounts, found.name_revoked_at, found.key_revoked_at)
        ]
