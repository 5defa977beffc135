"""`SshUsernames`: user names with their credentials."""

from collections.abc import Sequence

from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.nodes.store import still_there
from chalicelib.fleet.reach import Reach, reached
from chalicelib.fleet.ssh import store
from chalicelib.fleet.ssh.cluster_lookup import ClusterLookup
from chalicelib.fleet.ssh.model import NewUsername, SshPublicKey, SshUsername
from chalicelib.fleet.ssh.rules import CheckedKey, check_keys
from chalicelib.fleet.ssh.store import (
    ALL_USERNAMES,
    OF_NODE,
    USERNAMES,
    SshStore,
    key_id,
    username_from_item,
    username_id,
)
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import found, taken, unavailable
from chalicelib.kit.listing import (
    ALSO_IN,
    LISTED_AT,
    Flag,
    IndexSource,
    Listing,
    ListPage,
    ListRequest,
    Lists,
    Member,
    Moment,
    Text,
    Uuid,
)
from chalicelib.kit.tables import Tables, TransactionFailedError, Write
from chalicelib.platform.access.passwords import Passwords

CLEAN_UP_USERNAMES = 20
"""User names that one message of a clean-up removes: a transaction each."""

_NODE_INDEX = 0
"""The index of the node's check in the transaction that creates a user name."""

FIELDS = {
    "username": Text("username", offers=ALSO_IN),
    "node_id": Uuid("node_id", offers=ALSO_IN),
    "key_name": Member("public_keys", "key_name"),
    "has_password": Flag("has_password"),
    "cluster_name": Text("cluster_name", enriched=True, offers=ALSO_IN),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of user names. The cluster is the node's current one."""


class SshUsernames:
    """User names are made, read and deleted, never changed but for their keys (`keyring.SshPublicKeys`)."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        *,
        nodes: NodeReader,
        clusters: Clusters,
        passwords: Passwords,
        lists: Lists,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._nodes = nodes
        self._passwords = passwords
        self._lists = ReachedLists(lists, clusters.within)
        self._store = SshStore(tables)
        lookup = ClusterLookup(tables, clusters, nodes)
        in_clusters = IndexSource(index="by_node", by="cluster_name", partitions=lookup.node_ids, insertion=LISTED_AT)
        self._list = Listing(USERNAMES, FIELDS, (OF_NODE, in_clusters, ALL_USERNAMES))
        self._enrich = lookup.enrich(USERNAMES)

    def create(self, node_id: str, new: NewUsername, *, reach: Reach) -> SshUsername:
        """Create a user name with its keys, all or none. Without password and key no login is possible yet. Raises
        `EdgeError` (not found) for an unknown node, (validation failed) for keys that must not be used, (conflict) for
        a name that the node already has or a repeated key name, (service unavailable) if the row stays contended.
        """
        node = self._node(node_id, reach)
        keys = check_keys(new.public_keys)
        password_hash = None if new.password is None else self._passwords.hash(new.password.reveal())
        for _ in self._tables.tries():
            username = self._compose(node, new.username, password_hash, keys)
            writes: list[Write] = [still_there(node), *store.insert(username)]
            try:
                self._tables.commit(writes, "ssh_username.created", result=username)
            except TransactionFailedError as error:
                if _NODE_INDEX not in error.failed:
                    raise taken("username") from error
                node = self._node(node_id, reach)
            else:
                return username
        raise unavailable()

    def get(self, row_id: str, *, reach: Reach) -> SshUsername:
        """Raises `EdgeError` (not found)."""
        username = found(self._store.find_username(row_id))
        self.check_reach(username.node_id, reach)
        return username

    def check_reach(self, node_id: str, reach: Reach) -> None:
        """Raises `EdgeError` (not found) unless the node is within reach now. One read for a restricted caller."""
        if not reach.is_everywhere:
            self._node(node_id, reach)

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[SshUsername]:
        """One page; raises `EdgeError` (bad request) when the filters leave too much to read."""
        return self._lists.page(self._list, request, reach, enrich=self._enrich).map(username_from_item)

    def delete(self, row_id: str, *, reach: Reach) -> None:
        """Delete a user name with its keys: logins with it are refused from now on. Raises `EdgeError` (not found,
        service unavailable)."""
        self._remove(self.get(row_id, reach=reach))

    def remove(self, row_id: str) -> None:
        """Delete a user name with its keys, if it is there. Raises `EdgeError` (service unavailable)."""
        username = self._store.find_username(row_id)
        if username is not None:
            self._remove(username)

    def clean_up_chunk(self, node_id: str, after: str | None) -> str | None:
        """Delete user names of a deleted node from the cursor ``after`` on; returns the next cursor, None at the end.
        User names that were created for a new node with the same id stay."""
        found = self._nodes.find_many([node_id])
        life = found[0].inserted_at if found else None
        usernames, last = self._store.usernames_of_node(node_id, after, CLEAN_UP_USERNAMES)
        for username in usernames:
            if username.node_inserted_at != life:
                self._remove(username)
        return last

    def _node(self, node_id: str, reach: Reach) -> Node:
        return reached(next(iter(self._nodes.find_many([node_id])), None), reach)

    def _remove(self, username: SshUsername) -> None:
        """Delete the row, retrying until it is gone. Concurrent changes of its keys are deleted with it."""
        for _ in self._tables.tries():
            try:
                self._tables.commit(store.remove(username), "ssh_username.deleted")
            except TransactionFailedError as error:
                row = error.failed[0]
                if row is None:
                    return
                username = username_from_item(row)
            else:
                return
        raise unavailable()

    def _compose(self, node: Node, name: str, password_hash: str | None, keys: Sequence[CheckedKey]) -> SshUsername:
        text = to_seconds_text(self._clock.now())
        username = SshUsername(
            id=username_id(node.id, node.inserted_at, name),
            node_id=node.id,
            node_inserted_at=node.inserted_at,
            username=name,
            password_hash=password_hash,
            inserted_at=text,
            updated_at=text,
        )
        made = tuple(compose_key(username, key, text) for key in keys)
        return username.model_copy(update={"public_keys": made})


def compose_key(owner: SshUsername, key: CheckedKey, now: str) -> SshPublicKey:
    """A new key of a user name."""
    return SshPublicKey(
        id=key_id(owner.id, key.key_name),
        ssh_username_id=owner.id,
        node_id=owner.node_id,
        username=owner.username,
        key_name=key.key_name,
        public_key=key.public_key,
        fingerprint=key.fingerprint,
        inserted_at=now,
        updated_at=now,
    )
