"""`Recovering`: keys by which a machine that has lost its token becomes its node again."""

from collections.abc import Sequence

from chalicelib.fleet.enrollment.blob import SECRET_BYTES, to_recovery_blob
from chalicelib.fleet.nodes import presence_store, store
from chalicelib.fleet.reach import Reach, reached
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Secret, digest
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Tables


class Recovering:
    """Makes and deletes recovery keys, in which machines find ``admin_urls``. A node has one at most, of which the row
    holds a digest; it admits one machine, and ends with the node's place in the cluster."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids, admin_urls: Sequence[str]) -> None:
        self._admin_urls = admin_urls
        self._tables = tables
        self._clock = clock
        self._ids = ids

    def create(self, node_id: str, *, reach: Reach) -> Secret:
        """Make a key in place of the one before. Raises `EdgeError` (not found), and (service unavailable) if the row
        stays contended."""
        key = Secret(to_recovery_blob(self._admin_urls, node_id, self._ids.token_bytes(SECRET_BYTES)))
        self._set(node_id, digest(key.reveal()), reach, "node.recovery_key_created")
        return key

    def delete(self, node_id: str, *, reach: Reach) -> None:
        """Take the key away; without one nothing changes. Raises `EdgeError` (not found), and (service unavailable) if
        the row stays contended."""
        self._set(node_id, None, reach, "node.recovery_key_deleted")

    def _set(self, node_id: str, key_digest: str | None, reach: Reach, operation: str) -> None:
        for _ in self._tables.tries():
            node, _presence = presence_store.read_both(self._tables, node_id)
            found = reached(node, reach)
            if key_digest is None and found.recovery_key_digest is None:
                return
            now = to_seconds_text(self._clock.now())
            if self._tables.try_write(store.set_recovery_key(found, key_digest, now), operation):
                return
        raise unavailable()
