"""What the application asks of the mesh. One adapter a mode; tests bring their own."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Member:
    """A node in the network of its cluster."""

    node_id: str
    cluster_name: str


class Vpn(Protocol):
    """Every call may be repeated. Raises `EdgeError` unavailable where the mesh cannot be asked."""

    def require_address(self, member: Member) -> None:
        """Nothing for a member that a name can point to. Raises `EdgeError` conflict for a node that is not in its
        network, or has no address there."""
        ...

    def record_name(self, name: str, member: Member) -> None:
        """The name resolves to the member inside its network from now on, whatever it resolved to before."""
        ...

    def forget_name(self, name: str, cluster_name: str) -> None:
        """The name resolves to nothing in the cluster's network; none of that name is no error."""
        ...
