"""The service that a hosted node exposes, and the names by which it is reached. Pure."""

from dataclasses import dataclass

from chalicelib.machines.hosted.model import HostedNode


@dataclass(frozen=True)
class Exposure:
    """``base_url`` is where the installation is reached from outside, without a slash at the end; ``domain`` that of
    names inside clusters."""

    protocol: str
    port: int
    peer_port: int
    base_url: str
    domain: str

    def peer_name(self, node: HostedNode) -> str:
        """The node's name inside its cluster, as a mesh has it."""
        return f"node-{node.id}.cluster-{node.cluster_name}.{self.domain}"
