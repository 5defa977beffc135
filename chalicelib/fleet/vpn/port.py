"""The port to the mesh, with one adapter per mode. Tests pass their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

SETTLE_TRIES = 3
"""How often a worker that makes the mesh follow a row checks the row again, before it leaves the message to its repeat.
"""


@dataclass(frozen=True)
class Member:
    """A node in the network of its cluster."""

    node_id: str
    cluster_name: str


@dataclass(frozen=True)
class Network:
    """The network that a cluster is to have."""

    cluster_id: str
    cluster_name: str
    ipv4_range: str


@dataclass(frozen=True)
class Joining:
    """A machine that is to join a network: the enrollment key that lets it, and its node id, if it says that."""

    key_id: str
    node_id: str | None


@dataclass(frozen=True)
class Host:
    """A machine in a network: the mesh's own id for it, the name it goes by there, and its address without a prefix."""

    id: str
    name: str
    address: str


class Vpn(Protocol):
    """Every call may be repeated. Raises `EdgeError` (service unavailable) if the mesh cannot be asked."""

    @property
    def is_mesh(self) -> bool:
        """Whether there are networks that nodes are hosts of; else enrolment alone is membership."""
        ...

    def require_answer(self, cluster_name: str) -> None:
        """Nothing, if the mesh answers: asked before a deletion that it has to follow."""
        ...

    def taken_ranges(self, cluster_name: str) -> Sequence[str]:
        """The CIDR ranges that a new cluster of this name must not overlap. Raises `EdgeError` (conflict) if a network
        has its name that is not ours."""
        ...

    def join_token(self, network: Network, joining: Joining) -> str | None:
        """A single-use key with which a machine joins the network, which is created if missing. None without a mesh."""
        ...

    def given_token(self, joining: Joining) -> str | None:
        """The key that this machine got before; None if it is used up or gone."""
        ...

    def host_of(self, member: Member) -> Host | None:
        """The machine behind a member; None while it is not in that network."""
        ...

    def require_address(self, member: Member) -> None:
        """Check that a name can point to the member. Raises `EdgeError` (conflict) for a node that is not in its
        network, or has no address there."""
        ...

    def record_name(self, name: str, member: Member) -> None:
        """Make the name resolve to the member inside its network, replacing any previous target; does nothing for a
        member without an address."""
        ...

    def forget_name(self, name: str, cluster_name: str) -> None:
        """Remove the name from the cluster's network; succeeds if it does not exist."""
        ...
