"""Clusters, for operators."""

from typing import Annotated

from annotated_types import Ge
from pydantic import BaseModel, ConfigDict, StringConstraints

from chalicelib.bootstrap import Services
from chalicelib.fleet.api.operator.filters import ClusterFilterFields
from chalicelib.fleet.clusters.model import SORTABLE, Cluster, ClusterName
from chalicelib.fleet.nodes.model import IdType, NodeSummary, Status
from chalicelib.web.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery, PositiveFilter
from chalicelib.web.validation import Body, Int32, NoBody, NoPath, NoQuery, Path, Timestamp

NODES_SHOWN = 1000
"""Nodes embedded in one cluster; ``node_count`` is exact in any case."""

NODES_SHOWN_IN_LISTS = 100

routes = Endpoints(tag="Nodes.Cluster")

_RANGE_PATTERN = r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\/\d{1,2}$"

CidrText = Annotated[str, StringConstraints(pattern=_RANGE_PATTERN)]
NodeLimit = Annotated[Int32, Ge(1)]


class ClusterPath(Path):
    cluster_name: ClusterName


class ClusterListQuery(ClusterFilterFields, ListQuery):
    node_limit: PositiveFilter = None
    node_limit__gte: PositiveFilter = None
    node_limit__lte: PositiveFilter = None


class ClusterCreate(Body):
    """Without `ipv4_range` the cluster gets the first free one."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "north", "node_limit": 50}})

    name: ClusterName
    ipv4_range: CidrText | None = None
    node_limit: NodeLimit | None = None


class ClusterUpdate(Body):
    """Null lifts the limit; left out, it stays."""

    node_limit: NodeLimit | None = None


class NodeSummaryOut(BaseModel):
    id: str
    status: Status
    id_type: IdType
    vpn_hostname: str


class ClusterOut(BaseModel):
    """``nodes_truncated`` tells that ``nodes`` is not all; the newest are shown."""

    id: str
    name: str
    ipv4_range: str
    node_limit: int | None
    node_count: int
    nodes: list[NodeSummaryOut]
    nodes_truncated: bool
    network_name: str
    vpn_domain: str
    inserted_at: Timestamp
    updated_at: Timestamp


@routes.post(
    "/api/v1/clusters",
    auth=OPERATOR,
    answer=ClusterOut,
    status=201,
    errors=(409, 422),
    blocked_when_degraded=True,
    summary="Create a new cluster",
)
def create_cluster(request: Request[NoPath, NoQuery, ClusterCreate], services: Services) -> Created:
    """The name `default` is reserved. A range may not overlap with that of another cluster."""
    wanted = request.body
    cluster = services.clusters.create(wanted.name, wanted.ipv4_range, wanted.node_limit)
    return Created(_show(cluster, [], NODES_SHOWN, services), f"/api/v1/clusters/{cluster.name}")


@routes.get(
    "/api/v1/clusters",
    auth=OPERATOR,
    answer=ClusterOut,
    paginated=True,
    summary="List all clusters",
)
def list_clusters(request: Request[NoPath, ClusterListQuery, NoBody], services: Services) -> Paginated:
    page = services.clusters.list_page(request.query.to_request(SORTABLE))
    nodes = services.nodes.summaries(page.items, NODES_SHOWN_IN_LISTS)
    return Paginated([_show(one, nodes[one.id], NODES_SHOWN_IN_LISTS, services) for one in page.items], page)


@routes.get(
    "/api/v1/clusters/{cluster_name}",
    auth=OPERATOR,
    answer=ClusterOut,
    errors=(404,),
    summary="Get a specific cluster",
)
def get_cluster(request: Request[ClusterPath, NoQuery, NoBody], services: Services) -> ClusterOut:
    return _show_whole(services.clusters.get(request.path.cluster_name), services)


@routes.patch(
    "/api/v1/clusters/{cluster_name}",
    auth=OPERATOR,
    answer=ClusterOut,
    errors=(404, 422),
    blocked_when_degraded=True,
    summary="Update a cluster",
)
def update_cluster(request: Request[ClusterPath, NoQuery, ClusterUpdate], services: Services) -> ClusterOut:
    name = request.path.cluster_name
    if "node_limit" in request.body.model_fields_set:
        return _show_whole(services.clusters.change_node_limit(name, request.body.node_limit), services)
    return _show_whole(services.clusters.get(name), services)


@routes.delete(
    "/api/v1/clusters/{cluster_name}",
    auth=OPERATOR,
    status=204,
    errors=(404, 409),
    blocked_when_degraded=True,
    summary="Delete a cluster",
)
def delete_cluster(request: Request[ClusterPath, NoQuery, NoBody], services: Services) -> NoContent:
    """Refused while it has nodes. Its enrollment keys go with it."""
    services.clusters.delete(request.path.cluster_name)
    return NoContent()


def _show_whole(cluster: Cluster, services: Services) -> ClusterOut:
    nodes = services.nodes.summaries([cluster], NODES_SHOWN)[cluster.id]
    return _show(cluster, nodes, NODES_SHOWN, services)


def _show(cluster: Cluster, nodes: list[NodeSummary], shown: int, services: Services) -> ClusterOut:
    domain = services.settings.netmaker_default_domain
    return ClusterOut(
        **cluster.model_dump(exclude={"version"}),
        nodes=[
            NodeSummaryOut(id=node.id, status=node.status, id_type=node.id_type, vpn_hostname=node.vpn_hostname(domain))
            for node in nodes
        ],
        nodes_truncated=cluster.node_count > shown,
        network_name=cluster.network_name,
        vpn_domain=cluster.vpn_domain(domain),
    )
