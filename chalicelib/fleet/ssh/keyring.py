"""`SshPublicKeys`: the keys of user names, one by one."""

from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.ssh import store
from chalicelib.fleet.ssh.cluster_lookup import ClusterLookup
from chalicelib.fleet.ssh.model import KEYS_MAX, NewKey, SshPublicKey
from chalicelib.fleet.ssh.rules import check_key, too_many_keys
from chalicelib.fleet.ssh.service import SshUsernames, compose_key
from chalicelib.fleet.ssh.store import ALL_KEYS, KEYS, OF_NODE, SshStore, key_from_item
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import found, taken, unavailable
from chalicelib.kit.listing import (
    ALSO_IN,
    LISTED_AT,
    IndexSource,
    KeySource,
    Listing,
    ListPage,
    ListRequest,
    Lists,
    Moment,
    Text,
    Uuid,
)
from chalicelib.kit.tables import Key, Tables, Write

FIELDS = {
    "key_name": Text("key_name", offers=ALSO_IN),
    "public_key": Text("public_key"),
    "ssh_username_id": Uuid("ssh_username_id", offers=ALSO_IN),
    "node_id": Uuid("node_id", offers=ALSO_IN),
    "username": Text("username", offers=ALSO_IN),
    "cluster_name": Text("cluster_name", enriched=True, offers=ALSO_IN),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of keys. The cluster is the node's current one."""


class SshPublicKeys:
    """Keys are added to user names, read and deleted, never changed."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        *,
        usernames: SshUsernames,
        nodes: NodeReader,
        clusters: Clusters,
        lists: Lists,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._usernames = usernames
        self._lists = ReachedLists(lists, clusters.within)
        self._store = SshStore(tables)
        lookup = ClusterLookup(tables, clusters, nodes)
        of_username = KeySource(by="ssh_username_id", keys=self._keys_of_usernames)
        in_clusters = IndexSource(index="by_node", by="cluster_name", partitions=lookup.node_ids, insertion=LISTED_AT)
        self._list = Listing(KEYS, FIELDS, (of_username, OF_NODE, in_clusters, ALL_KEYS))
        self._enrich = lookup.enrich(KEYS)

    def create(self, username_id: str, new: NewKey, *, reach: Reach) -> SshPublicKey:
        """Add a key. Raises `EdgeError` (not found) for an unknown user name, (validation failed) for a key that must
        not be used, (conflict) for a name that another of its keys has, and above `KEYS_MAX`, (service unavailable) if
        the row stays contended.
        """
        username = self._usernames.get(username_id, reach=reach)
        checked = check_key(new)
        for _ in self._tables.tries():
            if any(key.key_name == checked.key_name for key in username.public_keys):
                raise taken("key_name")
            if len(username.public_keys) >= KEYS_MAX:
                raise too_many_keys()
            key = compose_key(username, checked, to_seconds_text(self._clock.now()))
            writes: list[Write] = [store.set_keys(username, [*username.public_keys, key]), store.insert_key(key)]
            if is_committed(self._tables, writes, "ssh_public_key.created", result=key):
                return key
            username = self._usernames.get(username_id, reach=reach)
        raise unavailable()

    def get(self, row_id: str, *, reach: Reach) -> SshPublicKey:
        """Raises `EdgeError` (not found)."""
        key = found(self._store.find_key(row_id))
        self._usernames.check_reach(key.node_id, reach)
        return key

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[SshPublicKey]:
        """One page; raises `EdgeError` (bad request) when the filters leave too much to read."""
        return self._lists.page(self._list, request, reach, enrich=self._enrich).map(key_from_item)

    def delete(self, row_id: str, *, reach: Reach) -> None:
        """Delete a key: logins with it are refused from now on. A concurrent deletion counts as this one. Raises
        `EdgeError` (not found, service unavailable).
        """
        self._remove(self.get(row_id, reach=reach))

    def remove(self, row_id: str) -> None:
        """Delete a key, if it is there. Raises `EdgeError` (service unavailable)."""
        key = self._store.find_key(row_id)
        if key is not None:
            self._remove(key)

    def _remove(self, key: SshPublicKey) -> None:
        row_id = key.id
        for _ in self._tables.tries():
            username = self._store.find_username(key.ssh_username_id)
            if username is None or row_id not in {one.id for one in username.public_keys}:
                return
            kept = [one for one in username.public_keys if one.id != row_id]
            writes = (store.set_keys(username, kept), store.remove_key(key))
            if is_committed(self._tables, writes, "ssh_public_key.deleted"):
                return
        raise unavailable()

    def _keys_of_usernames(self, ids: tuple[str, ...]) -> list[Key]:
        """A user name knows its keys."""
        return [{"id": key.id} for username in self._store.find_usernames(ids) for key in username.public_keys]
