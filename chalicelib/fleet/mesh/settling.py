"""Makes the mesh follow single rows: what the change stream asks for."""

from chalicelib.fleet.aliases.service import Aliases
from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.mesh.netmaker import Netmaker
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.vpn.port import SETTLE_TRIES, Member, Network
from chalicelib.kit.errors import unavailable


class Settling:
    """Each method reads what is true now and makes the mesh say so: safe to repeat, late and out of order. All raise
    `EdgeError`: unavailable when the mesh cannot be asked, and the caller repeats; conflict where it never will."""

    def __init__(self, clusters: Clusters, nodes: NodeReader, aliases: Aliases, mesh: Netmaker) -> None:
        self._clusters = clusters
        self._nodes = nodes
        self._aliases = aliases
        self._mesh = mesh

    def cluster(self, name: str) -> None:
        """A cluster has its network, and one that is gone has none of ours.

        Looks again after it has acted: a name that was taken again in between must not lose the new network.
        """
        for _ in range(SETTLE_TRIES):
            cluster = self.find(name)
            if cluster is None:
                self._mesh.remove_network(name)
            else:
                self._mesh.make_network(network_of(cluster))
            now = self.find(name)
            if (now and now.id) == (cluster and cluster.id):
                return
        raise unavailable()

    def node(self, node_id: str, host_id: str | None, cluster_name: str) -> None:
        """Make the mesh follow a node: its host is in the network of its cluster and its names point to it; its former
        host, and its membership in its former cluster, are removed. The host of a deleted node is removed. It checks
        again after it has acted: a node that moved meanwhile must not be removed from its new cluster.
        """
        node = self._find_node(node_id)
        for _ in range(SETTLE_TRIES):
            if node is not None:
                self._follow(node, host_id, cluster_name)
            elif host_id is not None:
                self._mesh.remove_host(host_id, Member(node_id, cluster_name))
            settled, node = node, self._find_node(node_id)
            if _mesh_state(node) == _mesh_state(settled):
                return
            if settled is not None:
                host_id, cluster_name = settled.netmaker_host_id, settled.cluster_name
        raise unavailable()

    def alias(self, cluster_name: str, row_id: str, name: str) -> None:
        """Make the mesh follow an alias, as `Aliases.settle_name`."""
        self._aliases.settle_name(cluster_name, row_id, name)

    def find(self, name: str) -> Cluster | None:
        """The current cluster. It never creates the default one, as following rows must not create any."""
        found = self._clusters.find_many([name])
        return found[0] if found else None

    def _find_node(self, node_id: str) -> Node | None:
        found = self._nodes.find_many([node_id])
        return found[0] if found else None

    def _follow(self, node: Node, host_id: str | None, cluster_name: str) -> None:
        cluster = self.find(node.cluster_name)
        if node.netmaker_host_id is None or cluster is None:
            return
        if host_id is not None and host_id != node.netmaker_host_id:
            self._mesh.remove_host(host_id, Member(node.id, cluster_name))
        self._mesh.make_network(network_of(cluster))
        if self._mesh.admit(node.netmaker_host_id, cluster.name) and cluster_name != cluster.name:
            self._mesh.dismiss(node.netmaker_host_id, cluster_name)
        for alias in node.aliases:
            self.alias(cluster.name, alias.id, alias.name)


def _mesh_state(node: Node | None) -> tuple[str, str | None] | None:
    """The parts of a node that the mesh must follow."""
    return None if node is None else (node.cluster_id, node.netmaker_host_id)


def network_of(cluster: Cluster) -> Network:
    """The parts of a cluster that the mesh must follow."""
    return Network(cluster.id, cluster.name, cluster.ipv4_range)
