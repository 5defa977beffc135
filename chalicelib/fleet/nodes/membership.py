"""Checks membership in the mesh: with a mesh, a node must be a host of its cluster's network."""

from dataclasses import dataclass

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.model import Registration
from chalicelib.fleet.nodes.rules import Placement, unknown_network
from chalicelib.fleet.vpn.names import NETWORK_PREFIX
from chalicelib.fleet.vpn.port import Member, Vpn
from chalicelib.kit.errors import invalid


@dataclass(frozen=True)
class Joined:
    """A machine's cluster according to the mesh, its host id and its address there."""

    placement: Placement
    host_id: str
    address: str


class Membership:
    """Looks machines up in the mesh. A host of a cluster's network belongs to that cluster: an enrollment key of the
    cluster or an operator has put it there."""

    def __init__(self, vpn: Vpn, clusters: Clusters) -> None:
        self._vpn = vpn
        self._clusters = clusters

    def of(self, registration: Registration) -> Joined:
        """Raises `EdgeError` (validation failed) for an unknown cluster, or a machine that is not in its network;
        (service unavailable) if the mesh does not answer."""
        cluster = self._clusters.find(registration.network_name.removeprefix(NETWORK_PREFIX))
        if cluster is None:
            raise unknown_network()
        host = self._vpn.host_of(Member(registration.node_id, cluster.name))
        if host is None:
            raise invalid("node_id", "node not found in Netmaker network")
        return Joined(Placement(cluster.id, cluster.name), host.id, host.address)
