"""The models of admins, and of the result of a computation over all of them."""

import base64
import hashlib
from collections.abc import Mapping

from pydantic import BaseModel

from chalicelib.fleet.admins.rules import capacity_of, is_degraded, total_capacity, weak_leader_of

UNLIMITED_PEERS = 2**31 - 1
"""The budget of an admin that was given none: the greatest of the contract's integers, beyond any fleet."""

_ID_LENGTH = 12


class Admin(BaseModel, frozen=True):
    """A deployed stack. ``max_wireguard_peers`` is its budget of peers: the other admins of its admin cluster, and
    nodes.

    ``delivery_queue_url`` is where it takes work on its nodes from, empty for the core, whose queue all know;
    ``reaches_nodes`` says that it stands in their network.
    """

    name: str
    admin_cluster_name: str
    max_wireguard_peers: int
    delivery_queue_url: str = ""
    reaches_nodes: bool = False

    @property
    def id(self) -> str:
        """Twelve characters that follow from the names, so that they outlive every container."""
        digest = hashlib.sha256(f"{self.admin_cluster_name}/{self.name}".encode()).digest()
        return base64.b32encode(digest).decode("ascii").lower()[:_ID_LENGTH]

    def vpn_hostname(self, domain: str) -> str:
        """The name that it would have in a mesh, below ``domain`` (NETMAKER_DEFAULT_DOMAIN)."""
        return f"{self.name}.{self.admin_cluster_name}.{domain}"


class KnownAdmin(Admin, frozen=True):
    """An admin as its heartbeats tell of it, alive or not. ``last_seen_at`` is seconds text."""

    last_seen_at: str


class Assignment(BaseModel, frozen=True):
    """The owners of clusters. ``owned`` has the names of the clusters of each admin that takes part, ``orphaned`` those
    for which no admin had capacity left. Each cluster is listed once."""

    owned: Mapping[str, tuple[str, ...]]
    orphaned: tuple[str, ...] = ()

    @property
    def owners(self) -> dict[str, str]:
        """Cluster name -> admin name."""
        return {cluster: admin for admin, clusters in self.owned.items() for cluster in clusters}


class Snapshot(BaseModel, frozen=True):
    """The result of one computation: the live admins, sorted by name, and the clusters that they own. ``assignment`` is
    None if it is too large to be stored (`store.ASSIGNMENT_LIMIT_BYTES`); everything else is complete. ``version``
    counts the computations of this admin cluster, 0 before the first. ``computed_at`` is seconds text.
    """

    admin_cluster_name: str
    computed_at: str | None
    topology: tuple[Admin, ...]
    total_nodes: int
    assignment: Assignment | None
    version: int = 0

    @property
    def budgets(self) -> dict[str, int]:
        """Admin name -> its ``max_wireguard_peers``."""
        return {admin.name: admin.max_wireguard_peers for admin in self.topology}

    @property
    def peer_count(self) -> int:
        """The number of other admins that each admin has as peers."""
        return max(0, len(self.topology) - 1)

    def capacity_of(self, admin: Admin) -> int:
        return capacity_of(admin.max_wireguard_peers, len(self.topology))

    @property
    def total_capacity(self) -> int:
        return total_capacity(self.budgets)

    @property
    def is_degraded(self) -> bool:
        return is_degraded(self.total_nodes, self.budgets)

    @property
    def weak_leader(self) -> str:
        """Raises ValueError without any admin, which no computation leaves behind."""
        return weak_leader_of(self.budgets)
