"""Requeues the open work of a cluster's nodes after a change of its owner: the previous owner may be dead, and its
messages lost."""

from dataclasses import dataclass

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands.executions import Executions
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.transport.dispatch import IDS_PER_FRAME, AgentWork
from chalicelib.kit.clock import Clock, to_seconds_text

NODES_PER_CHUNK = 100
"""One index query each: under a second in all."""


@dataclass(frozen=True)
class Chunk:
    """The work to queue for some nodes, and the cursor of the next ones; None at the end."""

    work: AgentWork
    cursor: str | None


class Redelivery:
    """Only reads. May be repeated, also for a cluster that is gone or has a new owner again."""

    def __init__(self, clock: Clock, nodes: NodeReader, clusters: Clusters, executions: Executions) -> None:
        self._clock = clock
        self._nodes = nodes
        self._clusters = clusters
        self._executions = executions

    def chunk(self, cluster_name: str, cursor: str | None) -> Chunk:
        """The executions that wait for the next nodes of a cluster, or that they should cancel. A node that enrols
        meanwhile may be missed: its executions were created after the change of the owner."""
        work = AgentWork()
        found = self._clusters.find_many([cluster_name])
        if not found:
            return Chunk(work, None)
        now = to_seconds_text(self._clock.now())
        page = self._nodes.page_of_cluster(found[0].id, cursor, NODES_PER_CHUNK, now)
        for node in page.nodes:
            work.remind(cluster_name, node.id, self._executions.waiting_for(node.id, IDS_PER_FRAME))
        return Chunk(work, page.cursor)
