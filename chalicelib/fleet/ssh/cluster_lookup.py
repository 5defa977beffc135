"""Looks up the current cluster of a row's node: nodes move, so rows do not store it."""

from collections.abc import Callable

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.kit.listing.sources import PARTITION_LIMIT
from chalicelib.kit.tables import Item, Ref, Table, Tables


class ClusterLookup:
    """Serves the filter ``cluster_name`` of lists whose rows have a ``node_id``."""

    def __init__(self, tables: Tables, clusters: Clusters, nodes: NodeReader) -> None:
        self._tables = tables
        self._clusters = clusters
        self._nodes = nodes

    def node_ids(self, cluster_names: tuple[str, ...]) -> list[str]:
        """The nodes of these clusters; more than a list reads partitions of, if there are more than that.

        As an index knows them: a node that has moved within the last moment may still be taken for one of them.
        """
        clusters = self._clusters.find_many(cluster_names)
        summaries = self._nodes.summaries(clusters, PARTITION_LIMIT + 1)
        return [node.id for cluster in clusters for node in summaries[cluster.id]]

    def enrich(self, table: Table) -> Callable[[list[Item]], list[Item]]:
        """Sets ``cluster_name`` on items that hold only their key; leaves out those whose row or node is gone."""

        def with_cluster_name(items: list[Item]) -> list[Item]:
            rows = self._tables.get_many([Ref(table, table.key_of(item)) for item in items], consistent=False)
            node_ids = [None if row is None else str(row["node_id"]) for row in rows]
            nodes = self._nodes.find_many(list({node_id for node_id in node_ids if node_id is not None}))
            names = {node.id: node.cluster_name for node in nodes}
            return [
                {**item, "cluster_name": names[node_id]}
                for item, node_id in zip(items, node_ids, strict=True)
                if node_id in names
            ]

        return with_cluster_name
