"""Lists of nodes for operators, and walks over nodes for fan-outs."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes import label_store, presence_store, store, summary_store, walk_store
from chalicelib.fleet.nodes.filtering import LIST_FIELDS, OF_TERMS, cluster_ids_by, term_sources
from chalicelib.fleet.nodes.model import Node, NodePage, NodeSummary, NodeView, Presence, Status, TargetNode, TargetPage
from chalicelib.fleet.nodes.store import ALL, BY_STATUS, NODES
from chalicelib.fleet.nodes.term_store import cluster_term, term_shard
from chalicelib.fleet.reach import Reach, empty_page, narrowed, reached
from chalicelib.kit.errors import bad_request
from chalicelib.kit.listing import LISTED_AT, IndexSource, KeySource, Listing, ListPage, ListRequest, Lists, rows_with
from chalicelib.kit.tables import Item, Ref, Tables

_OF_NODES = "node_id__in"
"""The filter of lists of clusters by their nodes."""


class NodeReader:
    """Reads nodes for lists, for targeting and by id. ``terms_are_complete``: whether terms may be read."""

    def __init__(
        self, tables: Tables, clusters: Clusters, lists: Lists, terms_are_complete: Callable[[], bool]
    ) -> None:
        self._tables = tables
        self._clusters = clusters
        self._lists = ReachedLists(lists, clusters.within)
        self._terms_are_complete = terms_are_complete
        cluster_ids = cluster_ids_by(clusters)
        self._listing = Listing(
            NODES,
            fields=LIST_FIELDS,
            sources=(
                KeySource(by="node_id", keys=lambda ids: [store.node_key(row_id) for row_id in ids]),
                *term_sources(cluster_ids, terms_are_complete),
                IndexSource(
                    index="by_cluster",
                    by="cluster_name",
                    partitions=cluster_ids,
                    insertion=LISTED_AT,
                    totals=rows_with(NODES, "cluster_name"),
                ),
                BY_STATUS,
                ALL,
            ),
        )

    def get(self, node_id: str, *, reach: Reach) -> NodeView:
        """The node. Raises `EdgeError` (not found)."""
        node, presence = presence_store.read_both(self._tables, node_id)
        return NodeView(reached(node, reach), presence)

    def known(self, node_id: str) -> tuple[Node | None, Presence | None]:
        """A node and its presence, as far as they exist, for what happens to a thing that is within reach."""
        return presence_store.read_both(self._tables, node_id)

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[NodeView]:
        """One page with the presence of its nodes. Raises `EdgeError` (bad request) if the filters leave too much to
        read."""
        page = self._lists.page(self._listing, request, reach, enrich=self._with_presence).map(store.node_from_item)
        seen = presence_store.read_presences(self._tables, [node.id for node in page.items])
        is_indexing = not OF_TERMS.isdisjoint(request.filters) and not self._terms_are_complete()
        return replace(page.map(lambda node: NodeView(node, seen.get(node.id))), indexing=is_indexing)

    def find_many(self, node_ids: Sequence[str]) -> list[Node]:
        """The existing ones of these nodes, in the given order."""
        return store.read_many(self._tables, node_ids)

    def rows_of(self, node_ids: Sequence[str]) -> dict[str, Item]:
        """The rows of these nodes by id, with what no index has; nodes that are gone are left out."""
        rows = self._tables.get_many([Ref(NODES, store.node_key(node_id)) for node_id in node_ids], consistent=False)
        return {str(row["id"]): row for row in rows if row is not None}

    def presence_of(self, node_ids: Sequence[str]) -> dict[str, Presence]:
        """The presence of each of these nodes that has one."""
        return presence_store.read_presences(self._tables, node_ids)

    def clusters_page(self, request: ListRequest, *, reach: Reach) -> ListPage[Cluster]:
        """One page of clusters, which may be asked for by their nodes (``node_id__in``): they are read first.
        Passes on the errors of `Clusters.list_page`."""
        wanted = request.filters.get(_OF_NODES)
        if wanted is None:
            return self._clusters.list_page(request, reach=reach)
        names = {
            node.cluster_name for node in self.find_many(str(wanted).split(",")) if reach.includes(node.cluster_id)
        }
        filters = {name: value for name, value in request.filters.items() if name != _OF_NODES}
        cut = narrowed(replace(request, filters=filters), names, "name")
        return empty_page(request) if cut is None else self._clusters.list_page(cut, reach=reach)

    def summaries(self, clusters: Sequence[Cluster], limit: int) -> dict[str, list[NodeSummary]]:
        """The newest nodes of each cluster, by cluster id; one query a cluster, at the same time."""
        ids = [cluster.id for cluster in clusters]
        return dict(zip(ids, summary_store.read_summaries(self._tables, ids, limit), strict=True))

    def summaries_by_status(
        self, statuses: Collection[Status], cluster_name: str | None, limit: int, *, reach: Reach
    ) -> list[NodeSummary]:
        """The nodes of these statuses, all or those of a cluster; none for a cluster that does not exist.

        Raises `EdgeError` (bad request), naming ``cluster_name``, above ``limit``.
        """
        cluster_ids = reach.cluster_ids
        if cluster_name is not None:
            cluster = self._clusters.find(cluster_name)
            if cluster is None or not reach.includes(cluster.id):
                return []
            cluster_ids = frozenset({cluster.id})
        found = summary_store.read_summaries_by_status(self._tables, statuses, cluster_ids, limit)
        if len(found) > limit:
            raise bad_request({"cluster_name": [f"add this filter: there are more than {limit} nodes"]})
        return found

    def targets(self, node_ids: Sequence[str]) -> list[TargetNode]:
        """The existing ones of these nodes, read from their rows, in the given order; one call per 100."""
        items = self._tables.get_many([Ref(NODES, store.node_key(node_id)) for node_id in node_ids])
        return [walk_store.target_from_item(item, is_row=True) for item in items if item is not None]

    def targets_of_shard(
        self, shard: int, cursor: str | None, limit: int, inserted_until: str, labels: Collection[str] = ()
    ) -> TargetPage:
        """The next nodes of one of the `SHARDS` of the fleet, of those that enrolled by that second: all that have
        the ``labels`` (``env:prod``), and maybe others.
        """
        if cursor is None and labels and self._terms_are_complete():
            cursor = label_store.begin(self._tables, lambda term: (None, term_shard(term, shard)), labels)
        if cursor is not None and label_store.is_cursor(cursor):
            return label_store.read_targets(self._tables, cursor, limit, inserted_until)
        return walk_store.read_targets(self._tables, "listing", str(shard), cursor, limit, inserted_until)

    def targets_of_cluster(
        self, cluster_id: str, cursor: str | None, limit: int, inserted_until: str, labels: Collection[str] = ()
    ) -> TargetPage:
        """The next nodes of a cluster, of those that enrolled by that second. ``labels`` as in `targets_of_shard`.

        A node that moves during the walk may be missed, or found where it was, as in a list.
        """
        if cursor is None and labels and self._terms_are_complete():
            cursor = label_store.begin(
                self._tables, lambda term: ("by_cluster", cluster_term(cluster_id, term)), labels
            )
        if cursor is not None and label_store.is_cursor(cursor):
            return label_store.read_targets(self._tables, cursor, limit, inserted_until)
        return walk_store.read_targets(self._tables, "by_cluster", cluster_id, cursor, limit, inserted_until)

    def whole_fleet(
        self, most_per_shard: int, inserted_until: str, labels: Collection[str] = ()
    ) -> list[TargetNode] | None:
        """All nodes that enrolled by that second; None if one of the `SHARDS` has more than may be read. ``labels`` as
        in `targets_of_shard`."""
        if labels and self._terms_are_complete():
            return label_store.read_fleet(self._tables, labels, most_per_shard, inserted_until)
        return walk_store.read_fleet(self._tables, most_per_shard, inserted_until)

    def page_of_cluster(self, cluster_id: str, cursor: str | None, limit: int, inserted_until: str) -> NodePage:
        """The next nodes of a cluster, of those that enrolled by that second.

        A node that moves into the cluster during the walk may be missed, as in a list; one that has moved out by the
        time that its row is read is left out.
        """
        page = walk_store.read_page(self._tables, "by_cluster", cluster_id, cursor, limit, inserted_until)
        return NodePage([node for node in page.nodes if node.cluster_id == cluster_id], page.cursor)

    def _with_presence(self, items: list[Item]) -> list[Item]:
        seen = presence_store.read_presences(self._tables, [str(item["id"]) for item in items])
        return [
            {**item, "last_seen_at": seen[str(item["id"])].last_seen_at} if str(item["id"]) in seen else item
            for item in items
        ]
