"""Routes of hosted nodes: made, listed, looked at and destroyed."""

from chalicelib.kit.errors import EdgeError, Kind, bad_request
from chalicelib.machines.api.hosted.models import (
    CreatedOut,
    HealthOut,
    MessageOut,
    NodeAnswer,
    NodeCreate,
    NodeDestroy,
    NodeInData,
    NodeOut,
    NodePath,
    NodesOut,
    node_out,
)
from chalicelib.machines.api.hosted.protocol import OWNER
from chalicelib.machines.hosted.model import Action, HostedNode, NewNode, Status
from chalicelib.machines.permissions import HOSTED_READ, HOSTED_WRITE
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.page_bytes import ROWS_BYTES, encoded_bytes
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Nodes", auth=OWNER, scope=Scope.TENANT)

_HEALTHY = "healthy"
_GONE = Status.DESTROYED
_COMMA_BYTES = 1


@routes.get(
    "/api/nodes",
    permission=HOSTED_READ,
    counted_as="hosted.list",
    answer=NodesOut,
    summary="List nodes",
)
def list_hosted_nodes(request: Request[NoPath, NoQuery, NoBody], services: Machines) -> NodesOut:
    """Lists the nodes of the caller's customer, newest first, with their builds. Where they are too many for one
    answer, the destroyed ones that are oldest are left out."""
    hosted = services.hosted
    shown = [node_out(node, hosted.exposure) for node in hosted.nodes.every(request.principal.tenant)]
    return NodesOut(nodes=_fitting(shown))


@routes.post(
    "/api/nodes",
    permission=HOSTED_WRITE,
    counted_as="hosted.create",
    audit="hosted_node.create",
    answer=CreatedOut,
    errors=(503,),
    summary="Create a node",
)
def create_hosted_node(request: Request[NoPath, NoQuery, NodeCreate], services: Machines) -> CreatedOut:
    """Starts a build that makes a machine, has it join the network and keeps it. Refused with 400 for a network that
    is not offered, and with 403 for one that the customer may not use, or if its quota of instances is used up (code
    `quota_exceeded`)."""
    body, principal = request.body, request.principal
    url = "" if body.settings is None else body.settings.webhook_url or ""
    wanted = NewNode(name=body.name, network=body.network, webhook_url=url)
    hosted = services.hosted

    def show(node: HostedNode) -> CreatedOut:
        shown = node_out(node, hosted.exposure)
        return CreatedOut(
            data=NodeInData(**shown.model_dump(), node=shown), message="Create build started successfully."
        )

    return request.once(lambda: hosted.nodes.create(principal.tenant, principal.owner, wanted), show)


@routes.delete(
    "/api/nodes",
    permission=HOSTED_WRITE,
    counted_as="hosted.change",
    audit="hosted_node.destroy",
    is_deferred=True,
    answer=MessageOut,
    errors=(409,),
    summary="Destroy a node",
)
def destroy_hosted_node(request: Request[NoPath, NoQuery, NodeDestroy], services: Machines) -> MessageOut:
    """Starts a build that removes a node, its machine and all access that it had. The node stays readable as
    `DESTROYED`. Refused with 400 for a node that there is not, and with 409 while another build is in progress."""
    node_id = request.body.node_id
    try:
        services.hosted.nodes.begin(request.principal.tenant, node_id, Action.DESTROY)
    except EdgeError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        raise bad_request({"destroyNodeId": ["There is no such node"]}) from None
    return MessageOut(message="Destroy build started successfully.")


@routes.get(
    "/api/nodes/{node_id}",
    permission=HOSTED_READ,
    counted_as="hosted.read",
    answer=NodeAnswer,
    errors=(404,),
    summary="Get a node",
)
def get_hosted_node(request: Request[NodePath, NoQuery, NoBody], services: Machines) -> NodeAnswer:
    """Returns a node with its builds, also one that is destroyed."""
    hosted = services.hosted
    shown = node_out(hosted.nodes.get(request.principal.tenant, request.path.node_id), hosted.exposure)
    return NodeAnswer(**shown.model_dump(), data=shown)


@routes.get(
    "/api/nodes/{node_id}/health",
    permission=HOSTED_READ,
    counted_as="hosted.read",
    answer=HealthOut,
    errors=(404,),
    summary="Get the health of a node",
)
def get_hosted_node_health(request: Request[NodePath, NoQuery, NoBody], services: Machines) -> HealthOut:
    """Tells whether a node runs and its agent is in contact. Answers in every status."""
    node = services.hosted.nodes.get(request.principal.tenant, request.path.node_id)
    facts = services.hosted.fleet.find_nodes([node.id]).get(node.id)
    is_healthy = node.status is Status.RUNNING and facts is not None and facts.status == _HEALTHY
    return HealthOut(status=node.status, healthy=is_healthy, last_seen_at=None if facts is None else facts.last_seen_at)


def _fitting(nodes: list[NodeOut]) -> list[NodeOut]:
    """The nodes that fit into one answer: all that are there, and of the destroyed ones the newest."""
    sizes = [encoded_bytes(node.model_dump_json(by_alias=True)) + _COMMA_BYTES for node in nodes]
    left = ROWS_BYTES - sum(size for node, size in zip(nodes, sizes, strict=True) if node.status is not _GONE)
    fitting = []
    for node, size in zip(nodes, sizes, strict=True):
        if node.status is _GONE:
            left -= size
        if node.status is not _GONE or left >= 0:
            fitting.append(node)
    return fitting
