"""Who may be a node where there is a mesh: a machine that is a host of its cluster's network."""

from dataclasses import dataclass

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.model import Registration
from chalicelib.fleet.nodes.rules import Placement
from chalicelib.fleet.vpn.names import NETWORK_PREFIX
from chalicelib.fleet.vpn.port import Member, Vpn
from chalicelib.kit.errors import invalid


@dataclass(frozen=True)
class Joined:
    """Where a machine is, as the mesh says, the mesh's own id for it, and its address there."""

    placement: Placement
    host_id: str
    address: str


class Membership:
    """Asks the mesh. Whoever is in the network that it names belongs to that cluster: it got in by an enrollment key of
    it, or by an operator's move."""

    def __init__(self, vpn: Vpn, clusters: Clusters) -> None:
        self._vpn = vpn
        self._clusters = clusters

    def of(self, registration: Registration) -> Joined:
        """Raises validation_failed for no such cluster, or a machine that is not in its network;
        service_unavailable when the mesh does not answer."""
        cluster = self._clusters.find(registration.network_name.removeprefix(NETWORK_PREFIX))
        if cluster is None:
            raise invalid("network_name", "cluster does not exist")
        host = self._vpn.host_of(Member(registration.node_id, cluster.name))
        if host is None:
            raise invalid("node_id", "node not found in Netmaker network")
        return Joined(Placement(cluster.id, cluster.name), host.id, host.address)
