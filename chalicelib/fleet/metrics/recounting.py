"""The totals of single clusters, which no recount knows by name."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.clusters.model import Identified
from chalicelib.fleet.commands.store import BY_CLUSTER, EXECUTIONS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.counters import total_of
from chalicelib.kit.tables import Query


def totals_of_clusters(fleet: Any) -> Iterator[tuple[str, Sequence[Query]]]:
    """The totals of every cluster and the COUNT queries of each."""
    for cluster in fleet.clusters.walk():
        yield from totals_of_cluster(cluster)


def totals_of_cluster(cluster: Identified) -> Iterator[tuple[str, Sequence[Query]]]:
    """The totals of what belongs to one cluster."""
    for table in (NODES, ALIASES, ENROLLMENT_KEYS):
        children = Query(table, cluster.id, table.index("by_cluster"), count_only=True)
        yield total_of(table.name, "cluster_name", cluster.name), (children,)
    yield from BY_CLUSTER.counted(EXECUTIONS, cluster.name).items()
