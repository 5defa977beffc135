"""Admins: this installation's stacks, and which of them each cluster belongs to."""

from typing import Literal

from pydantic import BaseModel, RootModel

from chalicelib.bootstrap import Services
from chalicelib.fleet.admins.model import UNLIMITED_PEERS, Admin, KnownAdmin, Snapshot
from chalicelib.web.endpoint import OPERATOR, PUBLIC, Endpoints, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Admins.Metadata")

NO_HOST = "00000000-0000-0000-0000-000000000000"
"""The Netmaker host of an admin that is none: the contract wants text in the form of a UUID."""

NO_TEXT = ""
"""What the contract calls text and does not let be null, and what does not exist here."""


class AdminTopologyEntryOut(BaseModel):
    """``max_wireguard_peers`` is 2,147,483,647 where there is no limit. ``erlang_node_name`` is empty, and
    ``netmaker_host_id`` all zeros: an admin is no Erlang node and no host of a mesh."""

    name: str
    max_wireguard_peers: int
    admin_peer_count: int
    edge_node_capacity: int
    erlang_node_name: str
    vpn_hostname: str
    netmaker_host_id: str


class AdminOut(AdminTopologyEntryOut):
    """``last_computed_at`` is null until the first tick after a deployment."""

    id: str
    admin_cluster_name: str
    last_computed_at: Timestamp | None


class MyAdminClusterOut(BaseModel):
    """As of the last computation. ``degraded``: ``total_nodes`` is greater than ``total_edge_capacity``."""

    name: str
    total_admins: int
    total_nodes: int
    total_edge_capacity: int
    degraded: bool
    weak_leader: str
    topology: list[AdminTopologyEntryOut]


class AdminClusterMemberOut(BaseModel):
    """``online`` with a heartbeat of the last three minutes. Addresses and ports are null: there is no mesh."""

    name: str
    vpn_hostname: str
    netmaker_host_id: str
    ipv4_address: str | None
    wireguard_ip_address: str | None
    wireguard_port: int | None
    use_static_port: bool
    status: Literal["online", "offline", "disconnected"] | None
    last_checked_in: Timestamp | None


class AdminClusterOut(BaseModel):
    """``ipv4_range`` is empty: admins share tables, not a network."""

    name: str
    ipv4_range: str
    admin_count: int
    admins: list[AdminClusterMemberOut]


class AdminClustersOut(RootModel[list[AdminClusterOut]]):
    """Sorted by name."""


class EdgeClustersOut(RootModel[dict[str, dict[str, list[str]]]]):
    """Admin -> network of a cluster -> names of its nodes. Every admin of the last computation is there."""


class OrphanedClustersOut(RootModel[dict[str, list[str]]]):
    """Network of a cluster -> names of its nodes."""


class AdminNameOut(BaseModel):
    name: str


@routes.get("/api/v1/admins/me", auth=OPERATOR, answer=AdminOut, summary="Get the current admin")
def show_admin(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> AdminOut:
    me, snapshot = services.admins.me, services.admins.snapshot()
    return AdminOut(
        **dict(_entry(me, snapshot, services)),
        id=me.id,
        admin_cluster_name=me.admin_cluster_name,
        last_computed_at=snapshot.computed_at,
    )


@routes.get("/api/v1/admins/me/discovery", auth=PUBLIC, answer=AdminNameOut, summary="Get the name of this admin")
def show_admin_name(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> AdminNameOut:
    """For agents that look for an admin."""
    return AdminNameOut(name=services.admins.me.name)


@routes.get(
    "/api/v1/admins/my_admin_cluster",
    auth=OPERATOR,
    answer=MyAdminClusterOut,
    summary="Get this admin's admin cluster",
)
def show_admin_cluster(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> MyAdminClusterOut:
    snapshot = services.admins.snapshot()
    return MyAdminClusterOut(
        name=snapshot.admin_cluster_name,
        total_admins=len(snapshot.topology),
        total_nodes=snapshot.total_nodes,
        total_edge_capacity=min(snapshot.total_capacity, UNLIMITED_PEERS),
        degraded=snapshot.is_degraded,
        weak_leader=snapshot.weak_leader,
        topology=[_entry(admin, snapshot, services) for admin in snapshot.topology],
    )


@routes.get(
    "/api/v1/admins/admin_clusters",
    auth=OPERATOR,
    answer=AdminClustersOut,
    errors=(503,),
    summary="List all admin clusters",
)
def list_admin_clusters(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> AdminClustersOut:
    """All that share these tables; an admin that has stopped is listed for a week or so."""
    members: dict[str, list[AdminClusterMemberOut]] = {}
    for admin, is_live in services.admins.known():
        members.setdefault(admin.admin_cluster_name, []).append(_member(admin, services, is_live=is_live))
    clusters = [
        AdminClusterOut(name=name, ipv4_range=NO_TEXT, admin_count=len(admins), admins=admins)
        for name, admins in sorted(members.items())
    ]
    return AdminClustersOut(clusters)


@routes.get(
    "/api/v1/admins/edge_clusters",
    auth=OPERATOR,
    answer=EdgeClustersOut,
    summary="Get all edge cluster assignments",
)
def list_edge_clusters(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> EdgeClustersOut:
    """As of the last computation, with the nodes of now. A fleet that is too large to be named in one answer is 400."""
    named = services.admins.node_names_by_admin()
    return EdgeClustersOut(
        {admin: {name: list(nodes) for name, nodes in clusters.items()} for admin, clusters in named.items()}
    )


@routes.get(
    "/api/v1/admins/orphaned_clusters",
    auth=OPERATOR,
    answer=OrphanedClustersOut,
    summary="Get all orphaned clusters",
)
def list_orphaned_clusters(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> OrphanedClustersOut:
    """Clusters for which no admin has room. There can be some before the installation as a whole is over its capacity;
    a fleet that is too large to be named in one answer is 400."""
    return OrphanedClustersOut({name: list(nodes) for name, nodes in services.admins.node_names_of_orphans().items()})


def _entry(admin: Admin, snapshot: Snapshot, services: Services) -> AdminTopologyEntryOut:
    return AdminTopologyEntryOut(
        name=admin.name,
        max_wireguard_peers=admin.max_wireguard_peers,
        admin_peer_count=snapshot.peer_count,
        edge_node_capacity=snapshot.capacity_of(admin),
        erlang_node_name=NO_TEXT,
        vpn_hostname=admin.vpn_hostname(services.settings.netmaker_default_domain),
        netmaker_host_id=NO_HOST,
    )


def _member(admin: KnownAdmin, services: Services, *, is_live: bool) -> AdminClusterMemberOut:
    return AdminClusterMemberOut(
        name=admin.name,
        vpn_hostname=admin.vpn_hostname(services.settings.netmaker_default_domain),
        netmaker_host_id=NO_HOST,
        ipv4_address=None,
        wireguard_ip_address=None,
        wireguard_port=None,
        use_static_port=False,
        status="online" if is_live else "offline",
        last_checked_in=admin.last_seen_at,
    )
