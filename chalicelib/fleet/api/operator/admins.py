"""Admins: the stacks of this installation, and the clusters that each of them owns."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, RootModel

from chalicelib.fleet import samples
from chalicelib.fleet.admins.model import UNLIMITED_PEERS, Admin, KnownAdmin, Snapshot
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import ADMINS_READ
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import PUBLIC, Endpoints, Request
from chalicelib.web.spellings import SameAs, Spelled, another_name
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Timestamp

routes = Endpoints(tag="Admins.Metadata")

NO_HOST = "00000000-0000-0000-0000-000000000000"
"""The Netmaker host id of an admin without a host: the contract requires text in the form of a UUID."""

NO_TEXT = ""
"""The value of fields that do not exist here, but that the contract defines as text that is not null."""


NAME = about("Name of the admin: of one deployed stack.", samples.ADMIN)

VPN_HOSTNAME = about("DNS name that the admin would have in a mesh of admins.", samples.ADMIN_HOST)

HOST_ID = about("Always zeros: an admin is not a host of the mesh.", NO_HOST, format="uuid")

ADMIN_CLUSTER = about("The admin cluster: the admins that share this installation's tables.", samples.ADMIN_CLUSTER)


class AdminTopologyEntryOut(Spelled):
    """An admin and how many nodes it can own."""

    name: Annotated[str, NAME]
    max_wireguard_peers: Annotated[
        int,
        about("Budget of peers: other admins and nodes together. 2147483647: no limit.", UNLIMITED_PEERS, minimum=0),
    ]
    admin_peer_count: Annotated[int, about("Other admins of the admin cluster.", 0, minimum=0)]
    edge_node_capacity: Annotated[
        int,
        about(
            "Nodes that the admin can own: `max_wireguard_peers` less `admin_peer_count`.", UNLIMITED_PEERS, minimum=0
        ),
    ]
    erlang_node_name: Annotated[str, about("Always empty: an admin is not an Erlang node.", NO_TEXT)]
    vpn_hostname: Annotated[str, VPN_HOSTNAME]
    netmaker_host_id: Annotated[str, HOST_ID]
    vpn_host_id: Annotated[str, SameAs("netmaker_host_id"), another_name("netmaker_host_id", NO_HOST)] = NO_HOST


class AdminOut(AdminTopologyEntryOut):
    """The admin that answers."""

    id: Annotated[str, about("Twelve characters that follow from the admin's names.", samples.ADMIN_ID)]
    admin_cluster_name: Annotated[str, ADMIN_CLUSTER]
    last_computed_at: Annotated[
        Timestamp | None,
        about(
            "When clusters were last assigned to admins; null until the first time after a deployment.", samples.MOMENT
        ),
    ]


class MyAdminClusterOut(BaseModel):
    """The admin cluster as of the last assignment of clusters."""

    name: Annotated[str, about("Name of the admin cluster that this admin belongs to.", samples.ADMIN_CLUSTER)]
    total_admins: Annotated[int, about("Admins that were alive.", 1, minimum=0)]
    total_nodes: Annotated[int, about("Nodes of all clusters.", 3, minimum=0)]
    total_edge_capacity: Annotated[
        int, about("Nodes that all admins together can own; at most 2147483647.", UNLIMITED_PEERS, minimum=0)
    ]
    degraded: Annotated[bool, about("Whether `total_nodes` is greater than `total_edge_capacity`.", False)]
    weak_leader: Annotated[str, about("The admin that is first by name.", samples.ADMIN)]
    topology: Annotated[list[AdminTopologyEntryOut], about("The admins, sorted by name.")]


class AdminClusterMemberOut(Spelled):
    """An admin as its heartbeats tell of it."""

    name: Annotated[str, NAME]
    vpn_hostname: Annotated[str, VPN_HOSTNAME]
    netmaker_host_id: Annotated[str, HOST_ID]
    vpn_host_id: Annotated[str, SameAs("netmaker_host_id"), another_name("netmaker_host_id", NO_HOST)] = NO_HOST
    ipv4_address: Annotated[str | None, about("Always null: admins share tables, not a network.", None)]
    ipv6_address: Annotated[str | None, about("Always null, as `ipv4_address`.", None)]
    wireguard_ip_address: Annotated[str | None, about("Always null: an admin has no WireGuard endpoint.", None)]
    wireguard_port: Annotated[int | None, about("Always null: an admin does not listen for WireGuard.", None)]
    use_static_port: Annotated[bool, about("Always false: there is no port to keep.", False)]
    status: Annotated[
        Literal["online", "offline", "disconnected"] | None,
        about("`online`: its last heartbeat is at most three minutes old. Otherwise `offline`.", "online"),
    ]
    last_checked_in: Annotated[
        Timestamp | None, about("When the admin last gave a heartbeat.", samples.TWO_SECONDS_LATER)
    ]


class AdminClusterOut(BaseModel):
    """Admins that share the tables of one installation."""

    name: Annotated[str, about("Name of the admin cluster.", samples.ADMIN_CLUSTER)]
    ipv4_range: Annotated[str, about("Always empty: admins share tables, not a network.", NO_TEXT)]
    ipv6_range: Annotated[str, about("Always empty, as `ipv4_range`.", NO_TEXT)]
    admin_count: Annotated[int, about("How many admins there are, stopped ones included.", 1, minimum=0)]
    admins: Annotated[list[AdminClusterMemberOut], about("The admins of the cluster, sorted by name.")]


class AdminClustersOut(RootModel[list[AdminClusterOut]]):
    """Admin clusters, sorted by name."""


class EdgeClustersOut(RootModel[dict[str, dict[str, list[str]]]]):
    """The clusters that each admin owns: admin name to network of a cluster to names of its nodes. Admins without a
    cluster are there too."""

    model_config = ConfigDict(json_schema_extra={"example": {samples.ADMIN: {samples.NETWORK: [samples.NODE_NAME]}}})


class OrphanedClustersOut(RootModel[dict[str, list[str]]]):
    """The clusters that no admin owns: network of a cluster to names of its nodes."""

    model_config = ConfigDict(json_schema_extra={"example": {samples.NETWORK: [samples.NODE_NAME]}})


class AdminNameOut(BaseModel):
    """The answer to an agent that looks for an admin."""

    name: Annotated[str, about("Name of the admin that answers.", samples.ADMIN)]


@routes.get(
    "/api/v1/admins/me",
    auth=OPERATOR,
    permission=ADMINS_READ,
    scope=Scope.INSTALLATION,
    answer=AdminOut,
    summary="Get the current admin",
)
def show_admin(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> AdminOut:
    """Returns the admin that answers, which is one deployed stack, and how many nodes it can own."""
    me, snapshot = services.admins.registry.me, services.admins.registry.snapshot()
    return AdminOut(
        **dict(_entry(me, snapshot, services)),
        id=me.id,
        admin_cluster_name=me.admin_cluster_name,
        last_computed_at=snapshot.computed_at,
    )


@routes.get("/api/v1/admins/me/discovery", auth=PUBLIC, answer=AdminNameOut, summary="Get the name of this admin")
def show_admin_name(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> AdminNameOut:
    """Returns the name of the admin that answers. Agents that look for an admin call it; it is open to anyone."""
    return AdminNameOut(name=services.admins.registry.me.name)


@routes.get(
    "/api/v1/admins/my_admin_cluster",
    auth=OPERATOR,
    permission=ADMINS_READ,
    scope=Scope.INSTALLATION,
    answer=MyAdminClusterOut,
    summary="Get the admin cluster of this admin",
)
def show_admin_cluster(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> MyAdminClusterOut:
    """Returns the admins of this installation and how many nodes they can own, as of the last assignment of clusters,
    which each heartbeat renews."""
    snapshot = services.admins.registry.snapshot()
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
    permission=ADMINS_READ,
    scope=Scope.INSTALLATION,
    answer=AdminClustersOut,
    errors=(503,),
    summary="List admin clusters",
)
def list_admin_clusters(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> AdminClustersOut:
    """Lists all admins that share the tables of this installation, by admin cluster. An admin that has stopped is
    listed for about a week."""
    members: dict[str, list[AdminClusterMemberOut]] = {}
    for admin, is_live in services.admins.registry.known():
        members.setdefault(admin.admin_cluster_name, []).append(_member(admin, services, is_live=is_live))
    clusters = [
        AdminClusterOut(name=name, ipv4_range=NO_TEXT, ipv6_range=NO_TEXT, admin_count=len(admins), admins=admins)
        for name, admins in sorted(members.items())
    ]
    return AdminClustersOut(clusters)


@routes.get(
    "/api/v1/admins/edge_clusters",
    auth=OPERATOR,
    permission=ADMINS_READ,
    scope=Scope.INSTALLATION,
    answer=EdgeClustersOut,
    summary="Get the clusters of each admin",
)
def list_edge_clusters(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> EdgeClustersOut:
    """Returns the clusters that each admin owns as of the last assignment, with the nodes that they have now. Refused
    with 400 if the fleet is too large to name all nodes in one answer."""
    named = services.admins.registry.node_names_by_admin()
    return EdgeClustersOut(
        {admin: {name: list(nodes) for name, nodes in clusters.items()} for admin, clusters in named.items()}
    )


@routes.get(
    "/api/v1/admins/orphaned_clusters",
    auth=OPERATOR,
    permission=ADMINS_READ,
    scope=Scope.INSTALLATION,
    answer=OrphanedClustersOut,
    summary="Get the clusters without an admin",
)
def list_orphaned_clusters(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> OrphanedClustersOut:
    """Returns the clusters for which no admin has capacity left. There can be some before the installation as a whole
    is over its capacity. Refused with 400 if there are too many nodes to name them in one answer."""
    return OrphanedClustersOut(
        {name: list(nodes) for name, nodes in services.admins.registry.node_names_of_orphans().items()}
    )


def _entry(admin: Admin, snapshot: Snapshot, services: Fleet) -> AdminTopologyEntryOut:
    return AdminTopologyEntryOut(
        name=admin.name,
        max_wireguard_peers=admin.max_wireguard_peers,
        admin_peer_count=snapshot.peer_count,
        edge_node_capacity=snapshot.capacity_of(admin),
        erlang_node_name=NO_TEXT,
        vpn_hostname=admin.vpn_hostname(services.platform.settings.netmaker_default_domain),
        netmaker_host_id=NO_HOST,
    )


def _member(admin: KnownAdmin, services: Fleet, *, is_live: bool) -> AdminClusterMemberOut:
    return AdminClusterMemberOut(
        name=admin.name,
        vpn_hostname=admin.vpn_hostname(services.platform.settings.netmaker_default_domain),
        netmaker_host_id=NO_HOST,
        ipv4_address=None,
        ipv6_address=None,
        wireguard_ip_address=None,
        wireguard_port=None,
        use_static_port=False,
        status="online" if is_live else "offline",
        last_checked_in=admin.last_seen_at,
    )
