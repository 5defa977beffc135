"""Clusters, for operators."""

from typing import Annotated

from annotated_types import Ge, MaxLen
from pydantic import BaseModel, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.filters import ClusterFilterFields
from chalicelib.fleet.api.protocol import AUGUST_2026, NEEDS_CAPACITY, OPERATOR
from chalicelib.fleet.clusters.model import SORTABLE, Cluster, ClusterName
from chalicelib.fleet.clusters.rules import BelowCountError, limit_conflict
from chalicelib.fleet.nodes.model import IdType, NodeSummary, Status
from chalicelib.fleet.permissions import CLUSTERS_READ, CLUSTERS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import (
    ListQuery,
    OrderBy,
    PositiveFilter,
    at_least,
    at_most,
    ordering,
)
from chalicelib.web.listed_filters import UuidsFilter, any_of
from chalicelib.web.revisions import Revised
from chalicelib.web.validation import Body, Int32, NoBody, NoPath, NoQuery, Path, Timestamp

NODES_SHOWN = 1000
"""Nodes embedded in one cluster; ``node_count`` is exact in any case."""

NODES_SHOWN_IN_LISTS = 100

routes = Endpoints(tag="Nodes.Cluster", auth=OPERATOR)

_RANGE_PATTERN = r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\/\d{1,2}$"

CidrText = Annotated[str, StringConstraints(pattern=_RANGE_PATTERN)]
NodeLimit = Annotated[Int32, Ge(1)]


NAME = about("Name of the cluster; unique, and fixed once the cluster exists.", samples.CLUSTER)

NODE_LIMIT = about("Maximum number of nodes in the cluster; null: no limit.", 50, minimum=1)


class ClusterPath(Path):
    cluster_name: Annotated[ClusterName, about("Name of the cluster.", samples.CLUSTER)]


class ClusterListQuery(ClusterFilterFields, ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    node_limit: Annotated[PositiveFilter, about("Exactly this node limit.")] = None
    node_id__in: Annotated[UuidsFilter, any_of("the ids of their nodes")] = None
    node_limit__gte: Annotated[PositiveFilter, at_least("node limit; leaves out clusters without one")] = None
    node_limit__lte: Annotated[PositiveFilter, at_most("node limit; leaves out clusters without one")] = None


class ClusterCreate(Body):
    """A new cluster and the IPv4 network of its nodes."""

    name: Annotated[ClusterName, NAME]
    ipv4_range: Annotated[
        CidrText | None,
        about(
            "Network of the cluster in CIDR notation, /30 or larger, outside private and reserved ranges; host bits "
            "are dropped. Null or left out: the first free range.",
            samples.RANGE,
        ),
    ] = None
    ipv6_range: Annotated[
        str | None,
        MaxLen(64),
        about("Unique local IPv6 range of the cluster, a /64. Null or left out: one of its own.", samples.IPV6_RANGE),
    ] = None
    node_limit: Annotated[NodeLimit | None, NODE_LIMIT] = None


class ClusterUpdate(Body):
    """The change to a cluster."""

    node_limit: Annotated[
        NodeLimit | None, about("The new limit. Null removes it; left out, the limit stays as it is.", 50)
    ] = None


class NodeSummaryOut(BaseModel):
    """One of the cluster's nodes, in short."""

    id: Annotated[str, fields.OWN_ID_OF_NODE]
    status: Annotated[Status, fields.NODE_STATUS]
    id_type: Annotated[IdType, fields.ID_TYPE]
    enrollment_key_id: Annotated[str | None, about("Always null here; the node itself tells it.", None, format="uuid")]
    vpn_hostname: Annotated[str, fields.NODE_HOST]


class ClusterOut(BaseModel):
    """A cluster: nodes that share a network."""

    id: Annotated[str, about("UUID of the cluster.", samples.CLUSTER_ID, format="uuid")]
    name: Annotated[str, NAME]
    ipv4_range: Annotated[str, about("Network of the cluster in CIDR notation.", samples.RANGE)]
    ipv6_range: Annotated[
        str, about("Unique local IPv6 range, reserved for the cluster; its nodes use IPv4 so far.", samples.IPV6_RANGE)
    ]
    node_limit: Annotated[int | None, NODE_LIMIT]
    node_count: Annotated[int, about("How many nodes belong to the cluster, exactly.", 1, minimum=0)]
    nodes: Annotated[
        list[NodeSummaryOut],
        about("Nodes of the cluster, newest first: at most 1,000, in lists at most 100."),
    ]
    nodes_truncated: Annotated[bool, about("Whether `nodes` holds fewer than all nodes of the cluster.", False)]
    network_name: Annotated[str, about("The cluster's network: `cluster-` and its name.", samples.NETWORK)]
    vpn_domain: Annotated[
        str, about("DNS domain of the cluster's nodes and aliases.", f"{samples.NETWORK}.nm.internal")
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.post(
    "/api/v1/clusters",
    permission=CLUSTERS_WRITE,
    scope=Scope.INSTALLATION,
    audit="cluster.create",
    answer=ClusterOut,
    status=201,
    errors=(409, 422),
    guard=NEEDS_CAPACITY,
    summary="Create a cluster",
)
def create_cluster(request: Request[NoPath, NoQuery, ClusterCreate], services: Fleet) -> Created:
    """Creates a cluster and reserves the IPv4 range of its network. Refused with 409 if the name is taken or the range
    overlaps with that of another cluster, with 422 for the reserved name `default`, for an invalid range and for a node
    limit above the addresses that the range has for nodes."""
    wanted = request.body
    return request.once(
        lambda: services.clusters.create(wanted.name, wanted.ipv4_range, wanted.node_limit, wanted.ipv6_range),
        lambda cluster: Created(_show(cluster, [], NODES_SHOWN, services), f"/api/v1/clusters/{cluster.name}"),
    )


@routes.get(
    "/api/v1/clusters",
    permission=CLUSTERS_READ,
    scope=Scope.REACH,
    answer=ClusterOut,
    paginated=True,
    summary="List clusters",
)
def list_clusters(request: Request[NoPath, ClusterListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists clusters, newest first unless ordered otherwise. Each shows up to 100 of its nodes; `node_count` is
    exact."""
    page = services.nodes.reading.clusters_page(request.query.to_request(SORTABLE), reach=reach_of(request.principal))
    nodes = services.nodes.reading.summaries(page.items, NODES_SHOWN_IN_LISTS)
    return Paginated([_show(one, nodes[one.id], NODES_SHOWN_IN_LISTS, services) for one in page.items], page)


@routes.get(
    "/api/v1/clusters/{cluster_name}",
    permission=CLUSTERS_READ,
    scope=Scope.REACH,
    answer=ClusterOut,
    errors=(404,),
    summary="Get a cluster",
)
def get_cluster(request: Request[ClusterPath, NoQuery, NoBody], services: Fleet) -> ClusterOut:
    """Returns one cluster with up to 1,000 of its nodes, the newest first."""
    return _show_whole(services.clusters.get(request.path.cluster_name, reach=reach_of(request.principal)), services)


@routes.patch(
    "/api/v1/clusters/{cluster_name}",
    permission=CLUSTERS_WRITE,
    scope=Scope.REACH,
    audit="cluster.update",
    answer=ClusterOut,
    errors=(404, 422),
    guard=NEEDS_CAPACITY,
    revised={AUGUST_2026: Revised(errors=(409,), recast={BelowCountError: limit_conflict})},
    summary="Change the node limit of a cluster",
)
def update_cluster(request: Request[ClusterPath, NoQuery, ClusterUpdate], services: Fleet) -> ClusterOut:
    """Changes the node limit of a cluster; an empty body changes nothing. Refused with 422 if the limit is below the
    current number of nodes (409 in the revision 2026-08-19), or above the addresses that the network has for nodes."""
    name = request.path.cluster_name
    if "node_limit" in request.body.model_fields_set:
        return _show_whole(
            services.clusters.change_node_limit(name, request.body.node_limit, reach=reach_of(request.principal)),
            services,
        )
    return _show_whole(services.clusters.get(name, reach=reach_of(request.principal)), services)


@routes.delete(
    "/api/v1/clusters/{cluster_name}",
    permission=CLUSTERS_WRITE,
    scope=Scope.REACH,
    audit="cluster.delete",
    status=204,
    errors=(404, 409),
    guard=NEEDS_CAPACITY,
    revised={AUGUST_2026: Revised(status=202)},
    summary="Delete a cluster",
)
def delete_cluster(request: Request[ClusterPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes an empty cluster and its enrollment keys. Refused with 409 while it has nodes. In
    the revision 2026-08-19 the answer is 202."""
    services.clusters.delete(request.path.cluster_name, reach=reach_of(request.principal))
    return NoContent()


def _show_whole(cluster: Cluster, services: Fleet) -> ClusterOut:
    nodes = services.nodes.reading.summaries([cluster], NODES_SHOWN)[cluster.id]
    return _show(cluster, nodes, NODES_SHOWN, services)


def _show(cluster: Cluster, nodes: list[NodeSummary], shown: int, services: Fleet) -> ClusterOut:
    domain = services.platform.settings.netmaker_default_domain
    return ClusterOut(
        **cluster.model_dump(exclude={"version", "ipv6_chosen"}),
        ipv6_range=cluster.ipv6_range,
        nodes=[
            NodeSummaryOut(
                id=node.id,
                status=node.status,
                id_type=node.id_type,
                enrollment_key_id=None,
                vpn_hostname=node.vpn_hostname(domain),
            )
            for node in nodes
        ],
        nodes_truncated=cluster.node_count > shown,
        network_name=cluster.network_name,
        vpn_domain=cluster.vpn_domain(domain),
    )
