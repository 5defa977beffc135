"""Nodes, for operators: list, inspect, move, block and delete."""

from collections.abc import Sequence
from typing import Annotated

from annotated_types import MaxLen

from chalicelib.fleet import samples
from chalicelib.fleet.api.operator.filters import NodeFilterFields
from chalicelib.fleet.api.operator.node_models import AdmissionOut, NodeAliasOut, NodeOut
from chalicelib.fleet.api.protocol import NEEDS_CAPACITY, OPERATOR
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.fleet.nodes.excluding import Admission
from chalicelib.fleet.nodes.model import SORTABLE, NodeView, vpn_hostname
from chalicelib.fleet.permissions import NODES_READ, NODES_REVEAL, NODES_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.kit.tables import ActedOn
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.web.endpoint import Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import BoolFilter, ListQuery, OrderBy, TextFilter, ordering, whether
from chalicelib.web.listed_filters import TextsFilter, UuidsFilter, any_of
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, Path, Uuid

routes = Endpoints(tag="Nodes.Node", auth=OPERATOR, scope=Scope.REACH)

LabelText = Annotated[str, MaxLen(63)]


class NodePath(Path):
    node_id: Annotated[Uuid, about("UUID of the node.", samples.NODE_ID)]


class NodeListQuery(NodeFilterFields, ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    node_id__in: Annotated[UuidsFilter, any_of("`id`")] = None
    cluster_name__in: Annotated[TextsFilter, any_of("`cluster_name`")] = None
    enrollment_key_id__in: Annotated[UuidsFilter, any_of("`enrollment_key_id`")] = None
    has_enrollment_key: Annotated[
        BoolFilter,
        whether("nodes that enrolled with a key that is known", "nodes whose `enrollment_key_id` is null"),
    ] = None
    search: Annotated[
        TextFilter,
        about("Only nodes whose id, host name or one of whose aliases begins with this, in any letter case.", "till-3"),
    ] = None


class ChangeCluster(Body):
    """The cluster to move the node to."""

    cluster_name: Annotated[ClusterName, about("Name of an existing cluster other than the node's.", samples.CLUSTER)]


class NodeUpdate(Body):
    """Changes of a node."""

    labels: Annotated[
        dict[LabelText, LabelText | None],
        about("Labels to set, and with null to take off; others stay.", {"env": "prod", "role": None}),
    ]


@routes.get(
    "/api/v1/nodes",
    permission=NODES_READ,
    audit="node.reveal",
    answer=NodeOut,
    paginated=True,
    summary="List nodes",
)
def list_nodes(request: Request[NoPath, NodeListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists nodes, newest first unless ordered otherwise. Secrets are null unless the setting
    REVEAL_NODE_SECRETS is on and the key has the permission `nodes:reveal`."""
    page = services.nodes.reading.list_page(request.query.to_request(SORTABLE), reach=reach_of(request.principal))
    _note_revealed(page.items, services, request.principal)
    return Paginated([_show(view, services, request.principal) for view in page.items], page)


@routes.get(
    "/api/v1/nodes/{node_id}",
    permission=NODES_READ,
    audit="node.reveal",
    answer=NodeOut,
    errors=(404,),
    summary="Get a node",
)
def get_node(request: Request[NodePath, NoQuery, NoBody], services: Fleet) -> NodeOut:
    """Returns one node. Secrets are null unless REVEAL_NODE_SECRETS is on and the key has `nodes:reveal`."""
    view = services.nodes.reading.get(request.path.node_id, reach=reach_of(request.principal))
    _note_revealed([view], services, request.principal)
    return _show(view, services, request.principal)


@routes.patch(
    "/api/v1/nodes/{node_id}",
    permission=NODES_WRITE,
    audit="node.update",
    answer=NodeOut,
    errors=(404, 422),
    summary="Set labels of a node",
)
def update_node(request: Request[NodePath, NoQuery, NodeUpdate], services: Fleet) -> NodeOut:
    """Sets labels of a node and takes labels off; others stay. They go before those of the enrollment key and of the
    agent. At most 20, of `a-z`, `0-9` and `. _ / -`."""
    labels, reach = request.body.labels, reach_of(request.principal)
    return _show(
        services.nodes.labelling.change(request.path.node_id, labels, reach=reach), services, request.principal
    )


@routes.delete(
    "/api/v1/nodes/{node_id}",
    permission=NODES_WRITE,
    audit="node.delete",
    status=204,
    errors=(404,),
    guard=NEEDS_CAPACITY,
    summary="Delete a node",
)
def delete_node(request: Request[NodePath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a node: revokes its token, cancels its open executions, and removes its aliases and SSH user names. The
    machine cannot enrol again with a key that existed before the deletion; a new key or `unblock` admits it."""
    services.nodes.placing.delete(request.path.node_id, reach=reach_of(request.principal))
    return NoContent()


@routes.post(
    "/api/v1/nodes/{node_id}/block",
    permission=NODES_WRITE,
    audit="node.block",
    answer=AdmissionOut,
    errors=(404,),
    example={"blocked_at": samples.MOMENT},
    summary="Block a machine",
)
def block_node(request: Request[NodePath, NoQuery, NoBody], services: Fleet) -> AdmissionOut:
    """Blocks a machine: its token and all enrollment keys are refused, its socket is closed, and it gets no work. A
    node stays in the list, as `unreachable` and with `blocked_at`. A machine that is not a node can be blocked too, and
    then cannot become one, unless the key that asks is restricted to clusters. Blocking twice changes nothing."""
    return request.once(
        lambda: services.nodes.excluding.block(request.path.node_id, reach=reach_of(request.principal)), _show_admission
    )


@routes.post(
    "/api/v1/nodes/{node_id}/unblock",
    permission=NODES_WRITE,
    audit="node.unblock",
    answer=AdmissionOut,
    errors=(404,),
    summary="Unblock a machine",
)
def unblock_node(request: Request[NodePath, NoQuery, NoBody], services: Fleet) -> AdmissionOut:
    """Lifts a block, a deletion and an identity conflict: the token of a node works again, and a deleted machine may
    enrol with any valid key, older ones included. Succeeds even if there is nothing to lift. Keys that are restricted
    to clusters can unblock nodes only."""
    return request.once(
        lambda: services.nodes.excluding.unblock(request.path.node_id, reach=reach_of(request.principal)),
        _show_admission,
    )


@routes.patch(
    "/api/v1/nodes/{node_id}/change_cluster",
    permission=NODES_WRITE,
    audit="node.change_cluster",
    answer=NodeOut,
    errors=(404, 409, 422),
    guard=NEEDS_CAPACITY,
    summary="Move a node to another cluster",
)
def change_cluster(request: Request[NodePath, NoQuery, ChangeCluster], services: Fleet) -> NodeOut:
    """Moves a node to another cluster and deletes its aliases. Refused with 409 if the node is in that cluster already
    or the cluster is full, with 422 if the cluster does not exist."""
    return _show(
        services.nodes.placing.change_cluster(
            request.path.node_id, request.body.cluster_name, reach=reach_of(request.principal)
        ),
        services,
        request.principal,
    )


@routes.post(
    "/api/v1/nodes/{node_id}/change_cluster",
    permission=NODES_WRITE,
    audit="node.change_cluster",
    repeats="a node moves once, and a repeat is told that it is there",
    answer=NodeOut,
    errors=(404, 409, 422),
    guard=NEEDS_CAPACITY,
    summary="Move a node to another cluster, by POST",
)
def move_node(request: Request[NodePath, NoQuery, ChangeCluster], services: Fleet) -> NodeOut:
    """Does the same as PATCH, with the same answer."""
    return change_cluster(request, services)


def _show_admission(admission: Admission) -> AdmissionOut:
    return AdmissionOut(**admission.__dict__)


def _is_revealed_to(principal: Principal, services: Fleet) -> bool:
    return services.platform.settings.reveal_node_secrets and principal.has(NODES_REVEAL)


def _note_revealed(views: Sequence[NodeView], services: Fleet, principal: Principal) -> None:
    """Put the nodes whose secrets are read into the audit log, before they are shown."""
    if _is_revealed_to(principal, services):
        services.platform.audit.note(*(ActedOn("node", view.node.id) for view in views))


def _show(view: NodeView, services: Fleet, principal: Principal) -> NodeOut:
    node = view.node
    api_token = proxy_password = None
    if _is_revealed_to(principal, services):
        secrets = services.nodes.vault.open(node)
        api_token, proxy_password = secrets.api_token, secrets.proxy_password
    domain = services.platform.settings.netmaker_default_domain
    aliases = [
        NodeAliasOut(id=alias.id, name=alias.name, vpn_hostname=vpn_hostname(alias.name, node.cluster_name, domain))
        for alias in node.aliases
    ]
    shown = {
        **node.__dict__,  # what has another name in `NodeOut`, or none, is not shown
        "node_name": node.node_name,
        "agent_metrics_port": node.http_port,
        "vpn_hostname": node.vpn_hostname(domain),
        "mdns_hostname": node.mdns_hostname,
        "api_token": api_token,
        "proxy_password": proxy_password,
        "version": node.agent_version,
        "labels": node.labels,
        "aliases": aliases,
        "last_seen_at": view.last_seen_at,
    }
    return NodeOut.model_validate(shown)
