"""Nodes, for operators: list, look at, move, remove."""

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.api.operator.filters import NodeFilterFields
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.fleet.nodes.model import SORTABLE, IdType, NodeView, Status, vpn_hostname
from chalicelib.web.endpoint import OPERATOR, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import ListQuery
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

HIDDEN_SECRET = "********"  # noqa: S105 - what stands in place of one
"""Shown for a secret where REVEAL_NODE_SECRETS is off: the contract wants a string."""

routes = Endpoints(tag="Nodes.Node")


class NodePath(Path):
    node_id: Uuid


class NodeListQuery(NodeFilterFields, ListQuery):
    pass


class ChangeCluster(Body):
    model_config = ConfigDict(json_schema_extra={"example": {"cluster_name": "south"}})

    cluster_name: ClusterName


class NodeAliasOut(BaseModel):
    id: str
    name: str
    vpn_hostname: str


class NodeOut(BaseModel):
    """A machine with an agent. ``version`` is the agent's. ``identity_conflict_at``: since then two machines use the
    node's identity, ``identity_conflict_instances`` are what their agents call themselves, and neither gets work until
    `unblock`."""

    id: str
    node_name: str
    cluster_name: str
    netmaker_host_id: str | None
    id_type: IdType
    status: Status
    vpn_hostname: str
    mdns_hostname: str
    http_port: int
    ssh_port: int
    host_metrics_port: int
    wireguard_metrics_port: int
    http_proxy_port: int
    socks5_proxy_port: int
    api_token: str = Field(repr=False)
    proxy_password: str = Field(repr=False)
    version: str
    self_update_enabled: bool
    aliases: list[NodeAliasOut]
    blocked_at: Timestamp | None
    identity_conflict_at: Timestamp | None
    identity_conflict_instances: list[str]
    last_seen_at: Timestamp
    inserted_at: Timestamp
    updated_at: Timestamp


class AdmissionOut(BaseModel):
    """Whether a machine may be a node. ``is_node``: it is one now. ``removed_at``: when a node of this id was last
    deleted; keys from before do not admit it any more."""

    node_id: str
    is_node: bool
    blocked_at: Timestamp | None
    removed_at: Timestamp | None


@routes.get("/api/v1/nodes", auth=OPERATOR, answer=NodeOut, paginated=True, summary="List all nodes")
def list_nodes(request: Request[NoPath, NodeListQuery, NoBody], services: Services) -> Paginated:
    page = services.nodes.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(view, services) for view in page.items], page)


@routes.get(
    "/api/v1/nodes/{node_id}",
    auth=OPERATOR,
    answer=NodeOut,
    errors=(404,),
    summary="Get a node",
)
def get_node(request: Request[NodePath, NoQuery, NoBody], services: Services) -> NodeOut:
    return _show(services.nodes.get(request.path.node_id), services)


@routes.delete(
    "/api/v1/nodes/{node_id}",
    auth=OPERATOR,
    status=204,
    errors=(404,),
    blocked_when_degraded=True,
    summary="Delete a node",
)
def delete_node(request: Request[NodePath, NoQuery, NoBody], services: Services) -> NoContent:
    """Its token is worth nothing from now on; what it has not finished is cancelled. Its machine does not come back by
    itself: only a key that is made afterwards, or `unblock`, admits it again."""
    services.nodes.delete(request.path.node_id)
    return NoContent()


@routes.post(
    "/api/v1/nodes/{node_id}/block",
    auth=OPERATOR,
    answer=AdmissionOut,
    summary="Keep a machine out",
)
def block_node(request: Request[NodePath, NoQuery, NoBody], services: Services) -> AdmissionOut:
    """Nothing that it sends counts any more: its token and every key are refused, its socket is closed, and no work is
    delivered to it; a node stays in the list, as unreachable, with `blocked_at`. Works for a machine that is no node,
    too: it cannot become one. Again changes nothing."""
    return AdmissionOut(**services.nodes.block(request.path.node_id).__dict__)


@routes.post(
    "/api/v1/nodes/{node_id}/unblock",
    auth=OPERATOR,
    answer=AdmissionOut,
    summary="Let a machine in again",
)
def unblock_node(request: Request[NodePath, NoQuery, NoBody], services: Services) -> AdmissionOut:
    """Forgets that it was blocked, that it was deleted, and that two machines had its identity: the token of a node, or
    any key for a deleted one, is good again, also keys from before the deletion. Nothing to forget is no error."""
    return AdmissionOut(**services.nodes.unblock(request.path.node_id).__dict__)


@routes.patch(
    "/api/v1/nodes/{node_id}/change_cluster",
    auth=OPERATOR,
    answer=NodeOut,
    errors=(404, 409, 422),
    blocked_when_degraded=True,
    summary="Move a node to another cluster",
)
def change_cluster(request: Request[NodePath, NoQuery, ChangeCluster], services: Services) -> NodeOut:
    return _show(services.nodes.change_cluster(request.path.node_id, request.body.cluster_name), services)


def _show(view: NodeView, services: Services) -> NodeOut:
    node = view.node
    api_token = proxy_password = HIDDEN_SECRET
    if services.settings.reveal_node_secrets:
        secrets = services.nodes.secrets_of(node)
        api_token, proxy_password = secrets.api_token, secrets.proxy_password
    domain = services.settings.netmaker_default_domain
    aliases = [
        NodeAliasOut(id=alias.id, name=alias.name, vpn_hostname=vpn_hostname(alias.name, node.cluster_name, domain))
        for alias in node.aliases
    ]
    shown = {
        **node.__dict__,  # what has another name in `NodeOut`, or none, is not shown
        "node_name": node.node_name,
        "vpn_hostname": node.vpn_hostname(domain),
        "mdns_hostname": node.mdns_hostname,
        "api_token": api_token,
        "proxy_password": proxy_password,
        "version": node.agent_version,
        "aliases": aliases,
        "last_seen_at": view.last_seen_at,
    }
    return NodeOut.model_validate(shown)
