"""`Aliases`: gives nodes further names. The row and the name on its node change in one transaction."""

from collections.abc import Sequence

from chalicelib.fleet.aliases import rules, store
from chalicelib.fleet.aliases.model import MOST_PER_NODE, Alias
from chalicelib.fleet.aliases.store import AliasStore, alias_id
from chalicelib.fleet.clusters.model import Identified
from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes import term_store
from chalicelib.fleet.nodes.model import Node, NodeAlias
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.nodes.store import with_alias, without_alias
from chalicelib.fleet.reach import Reach, reached
from chalicelib.fleet.vpn.port import SETTLE_TRIES, Member, Vpn
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import taken, unavailable
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import Tables, TransactionFailedError, Write

_ALIAS_INDEX = 0
"""The index of the alias's own write in every transaction of this module."""


class Aliases:
    """Makes, lists and removes aliases."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        nodes: NodeReader,
        clusters: Clusters,
        vpn: Vpn,
        *,
        lists: Lists,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._nodes = nodes
        self._vpn = vpn
        self._lists = ReachedLists(lists, clusters.within)
        self._store = AliasStore(
            tables,
            cluster_ids=lambda names: [cluster.id for cluster in clusters.find_many(names)],
            aliases_of=lambda ids: [alias.id for node in nodes.find_many(ids) for alias in node.aliases],
        )

    def create(self, node_id: str, name: str, *, reach: Reach) -> Alias:
        """Give the node a name. Its DNS entry follows from the change stream (`settle_name`).

        Raises `EdgeError` (not found) for an unknown node, (validation failed) for a name that is not a DNS label or
        looks like a node id, (conflict) if the name is taken in the cluster, the node has the maximum number of
        aliases, or the mesh has no address for it, (service unavailable) if the mesh cannot be asked or the node's row
        stays contended.
        """
        for _ in self._tables.tries():
            node = self._node(node_id, reach)
            rules.check_name(name)
            self._vpn.require_address(Member(node.id, node.cluster_name))
            alias = self._new(node, name)
            if any(other.id == alias.id for other in node.aliases):
                raise taken("name")
            if len(node.aliases) >= MOST_PER_NODE:
                raise rules.too_many(MOST_PER_NODE)
            named = NodeAlias(id=alias.id, name=name)
            after = node.model_copy(update={"aliases": (*node.aliases, named)})
            writes: list[Write] = [store.put(alias), with_alias(node, named), *term_store.changed(node, after)]
            try:
                self._tables.commit(writes, "alias.created", result=alias)
            except TransactionFailedError as error:
                if _ALIAS_INDEX in error.failed:
                    raise taken("name") from error
            else:
                return alias
        raise unavailable()

    def get(self, row_id: str, *, reach: Reach) -> Alias:
        """Raises `EdgeError` (not found)."""
        return reached(self._store.find(row_id), reach)

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[Alias]:
        """One page of all aliases; raises `EdgeError` (bad request) when the filters leave too much to read."""
        return self._lists.page(self._store.listing, request, reach).map(store.from_item)

    def delete(self, row_id: str, *, reach: Reach) -> None:
        """Take the name away. Its DNS entry goes by the change stream.

        Raises `EdgeError` (not found), (service unavailable) if the node's row stays contended or the mesh does not
        answer. A name that another takes away at the same time counts as taken away by this one.
        """
        alias = self.get(row_id, reach=reach)
        self._vpn.require_answer(alias.cluster_name)
        for _ in self._tables.tries():
            found = self._nodes.find_many([alias.node_id])
            if not found or all(other.id != row_id for other in found[0].aliases):
                return  # with the node, its move or by another caller, in one transaction
            try:
                self._tables.commit([store.delete(alias), without_alias(found[0], row_id)], "alias.deleted")
            except TransactionFailedError:
                continue
            return
        raise unavailable()

    def settle_name(self, cluster_name: str, row_id: str, name: str) -> None:
        """Make the mesh say of a name what its row says now. Safe to repeat, late and out of order.

        Looks again after it has acted: a name that went to another node in between is settled once more. Raises
        `EdgeError` (service unavailable) if the mesh cannot be asked: the caller repeats.
        """
        alias = self._store.find(row_id)
        for _ in range(SETTLE_TRIES):
            if alias is None:
                self._vpn.forget_name(name, cluster_name)
            else:
                self._vpn.record_name(name, Member(alias.node_id, alias.cluster_name))
            settled, alias = alias, self._store.find(row_id)
            if alias == settled:
                return
        raise unavailable()

    def settle_untaken(self, cluster: Identified, names: Sequence[str], most: int) -> int:
        """Remove those of these DNS entries in the cluster's network that belong to no node, by consistent reads; at
        most so many. Returns their number. Raises `EdgeError` (service unavailable) as `settle_name` does."""
        ids = {alias_id(cluster.id, name): name for name in names}
        taken = {alias.id for alias in self._store.find_many(list(ids))}
        untaken = [row_id for row_id in ids if row_id not in taken][:most]
        for row_id in untaken:
            self.settle_name(cluster.name, row_id, ids[row_id])
        return len(untaken)

    def _node(self, node_id: str, reach: Reach) -> Node:
        return reached(next(iter(self._nodes.find_many([node_id])), None), reach)

    def _new(self, node: Node, name: str) -> Alias:
        now = to_seconds_text(self._clock.now())
        return Alias(
            id=alias_id(node.cluster_id, name),
            name=name,
            node_id=node.id,
            cluster_id=node.cluster_id,
            cluster_name=node.cluster_name,
            inserted_at=now,
            updated_at=now,
        )
