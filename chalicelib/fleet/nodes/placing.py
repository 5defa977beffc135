"""Moves and deletes nodes."""

from collections.abc import Callable, Sequence

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.clusters.store import release_slot, reserve_slot
from chalicelib.fleet.nodes import exclusion_store, moving, presence_store, rules, store, term_store
from chalicelib.fleet.nodes.model import Node, NodeView
from chalicelib.fleet.reach import Reach, reached
from chalicelib.fleet.vpn.port import Vpn
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit import tasks
from chalicelib.kit.clock import Clock
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import invalid, unavailable
from chalicelib.kit.tables import Tables, Write

Release = Callable[[Node], Sequence[Write]]
"""Makes the writes that remove the aliases of a node, which are rows of another context."""


class Placing:
    """Moves and deletes nodes. Each is one transaction that also keeps the clusters' counts and removes the aliases."""

    def __init__(self, tables: Tables, clock: Clock, clusters: Clusters, release: Release, vpn: Vpn = REGISTRY) -> None:
        self._vpn = vpn
        self._tables = tables
        self._clock = clock
        self._clusters = clusters
        self._release = release

    def change_cluster(self, node_id: str, cluster_name: str, *, reach: Reach) -> NodeView:
        """Move the node. Its identity, secrets and status stay; its aliases belong to the old cluster and are removed.

        Raises `EdgeError` (not found) for an unknown node, (validation failed) for an unknown cluster, (conflict) if it
        is in that cluster already or the cluster is full, (service unavailable) if others keep writing them.
        """
        for _ in self._tables.tries():
            view = self._read(node_id, reach)
            cluster = self._clusters.find(cluster_name)
            if cluster is None or not reach.includes(cluster.id):
                raise invalid("cluster_name", "not found")
            if cluster.id == view.node.cluster_id:
                raise rules.already_there()
            if cluster.node_limit is not None and cluster.node_count >= cluster.node_limit:
                raise rules.full_cluster(cluster.node_limit)
            now = self._clock.now()
            after = store.moved(view.node, cluster.id, cluster.name, now)
            writes = [
                store.move(view.node, after, view.last_seen_at),
                reserve_slot(cluster),
                release_slot(view.node.cluster_name, view.node.cluster_id),
                *self._release(view.node),
                *term_store.changed(view.node, after),
                moving.ask(view.node, after),
            ]
            if is_committed(self._tables, writes, "node.cluster_changed"):
                return NodeView(after, view.presence)
        raise unavailable()

    def delete(self, node_id: str, *, reach: Reach) -> None:
        """Delete the node. From now on its token is invalid, and no existing enrollment key admits its machine.
        Dependent rows are cleaned up afterwards. A concurrent deletion counts as this one. Raises `EdgeError` (not
        found), (service unavailable) if the row stays contended or the mesh does not answer, whose host must follow.
        """
        view = self._read(node_id, reach)
        self._vpn.require_answer(view.node.cluster_name)
        for _ in self._tables.tries():
            writes: list[Write] = [
                store.delete(view.node),
                release_slot(view.node.cluster_name, view.node.cluster_id),
                *self._release(view.node),
                tasks.ask("node", node_id, self._clock.now()),
                exclusion_store.note_removed(node_id, self._clock.now()),
                *term_store.changed(view.node, None),
            ]
            if is_committed(self._tables, writes, "node.deleted"):
                return
            node, presence = presence_store.read_both(self._tables, node_id)
            if node is None:
                return
            view = NodeView(reached(node, reach), presence)
        raise unavailable()

    def _read(self, node_id: str, reach: Reach) -> NodeView:
        node, presence = presence_store.read_both(self._tables, node_id)
        return NodeView(reached(node, reach), presence)
