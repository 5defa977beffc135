"""Self-update requests, for operators."""

from typing import Annotated, Any

from pydantic import BaseModel

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.targeting import TargetingIn
from chalicelib.fleet.api.protocol import NEEDS_CAPACITY, OPERATOR
from chalicelib.fleet.distribution.model import Version
from chalicelib.fleet.permissions import UPDATES_READ, UPDATES_WRITE
from chalicelib.fleet.reach import Reach, reach_of
from chalicelib.fleet.updates.model import SORTABLE, NodeState, NodeUpdate, RequestStatus, SelfUpdateRequest
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.errors import invalid
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import EnumFilter, ListQuery, OrderBy, TextFilter, matching, ordering
from chalicelib.web.listed_filters import EachOneOf, any_of
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, OneOf, Path, Timestamp, Uuid, nullable

routes = Endpoints(tag="SelfUpdates.Request", auth=OPERATOR, scope=Scope.REACH)


WANTED_VERSION = about(
    "Version of the agent to install, out of those that this installation serves; null: the current one at the time of "
    "each update.",
    samples.VERSION,
)


class SelfUpdateRequestPath(Path):
    self_update_request_id: Annotated[Uuid, about("UUID of the self-update request.", samples.UPDATE_ID)]


class NodeListPath(Path):
    self_update_request_id: Annotated[Uuid, about("UUID of the request whose nodes are wanted.", samples.UPDATE_ID)]


class SelfUpdateRequestListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    status: Annotated[EnumFilter[RequestStatus], about("Only requests in this status.")] = None
    status__in: Annotated[str | None, EachOneOf(RequestStatus), any_of("`status`")] = None


class NodeListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    status: Annotated[EnumFilter[NodeState], about("Only nodes whose update is in this status.")] = None
    cluster_name: Annotated[TextFilter, matching("the cluster of the node when the request found it")] = None
    version: Annotated[TextFilter, matching("the version that the node has reported since")] = None


class SelfUpdateRequestCreate(Body):
    """The nodes to update and the version that they are to run."""

    targeting: Annotated[
        TargetingIn, about("The nodes to update; only healthy ones that take part in self-updates are asked.")
    ]
    version: Annotated[Version | None, WANTED_VERSION] = None


class SummaryOut(BaseModel):
    """How the nodes of the request ended."""

    total: Annotated[int, fields.UPDATES_TOTAL]
    triggered: Annotated[int, fields.UPDATES_TRIGGERED]
    failed: Annotated[int, fields.UPDATES_FAILED]
    updated: Annotated[int, fields.UPDATES_DONE]


class SelfUpdateRequestOut(BaseModel):
    """A request that agents update themselves."""

    id: Annotated[str, about("UUID of the self-update request.", samples.UPDATE_ID, format="uuid")]
    targeting: Annotated[dict[str, Any], fields.TARGETING]
    version: Annotated[str | None, WANTED_VERSION]
    status: Annotated[OneOf[RequestStatus], fields.UPDATE_REQUEST_STATUS]
    summary: Annotated[
        SummaryOut | None, nullable(SummaryOut), about("Nodes by outcome; null until the request is `completed`.")
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


class NodeUpdateOut(BaseModel):
    """How far one node is with its update."""

    node_id: Annotated[str, fields.NODE]
    cluster_name: Annotated[str, about("The node's cluster when the request found it.", samples.CLUSTER)]
    status: Annotated[
        OneOf[NodeState],
        about(
            "`pending`: not told yet. `triggered`: told. `updated`: it reports the wanted version. `failed`: see "
            "`reason`.",
            "updated",
        ),
    ]
    version_before: Annotated[
        str | None, about("Version of the agent when it was told to update; null before that.", samples.VERSION_BEFORE)
    ]
    version: Annotated[
        str | None,
        about(
            "Version that the agent has reported since; null before that, and for agents that do not report.",
            samples.VERSION,
        ),
    ]
    reason: Annotated[str | None, about("Why the update failed, in words; null if it has not.", None)]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.post(
    "/api/v1/self_update_requests",
    permission=UPDATES_WRITE,
    audit="self_update_request.create",
    is_deferred=True,
    answer=SelfUpdateRequestOut,
    status=201,
    errors=(422,),
    guard=NEEDS_CAPACITY,
    example={"status": "pending", "summary": None, "updated_at": samples.MOMENT},
    summary="Ask nodes to update themselves",
)
def create_self_update_request(request: Request[NoPath, NoQuery, SelfUpdateRequestCreate], services: Fleet) -> Created:
    """Asks agents to update themselves. Only healthy nodes that take part in self-updates are asked, even if the
    filters name others; succeeds even if there are none. Refused with 422 for a version that this installation does
    not serve, and for node ids and cluster names that do not exist, unless `targeting.allow_missing` is true."""
    wanted, version = request.body.targeting, request.body.version
    if version is not None and not services.distribution.has(version):
        raise invalid("version", "is no version of the agent that this stack serves")
    reach = reach_of(request.principal)
    return request.once(
        lambda: services.updates.requests.create(
            wanted.to_targeting(), version, allow_missing=wanted.allow_missing, reach=reach
        ),
        lambda made: Created(_show(made, reach), location=f"/api/v1/self_update_requests/{made.id}"),
    )


@routes.get(
    "/api/v1/self_update_requests",
    permission=UPDATES_READ,
    answer=SelfUpdateRequestOut,
    paginated=True,
    summary="List self-update requests",
)
def list_self_update_requests(
    request: Request[NoPath, SelfUpdateRequestListQuery, NoBody], services: Fleet
) -> Paginated:
    """Lists self-update requests, newest first unless ordered otherwise."""
    reach = reach_of(request.principal)
    page = services.updates.requests.list_page(request.query.to_request(SORTABLE), reach=reach)
    return Paginated([_show(row, reach) for row in page.items], page)


@routes.get(
    "/api/v1/self_update_requests/{self_update_request_id}",
    permission=UPDATES_READ,
    answer=SelfUpdateRequestOut,
    errors=(404,),
    summary="Get a self-update request",
)
def get_self_update_request(
    request: Request[SelfUpdateRequestPath, NoQuery, NoBody], services: Fleet
) -> SelfUpdateRequestOut:
    """Returns one self-update request; `summary` is there once it is completed."""
    reach = reach_of(request.principal)
    return _show(services.updates.requests.get(request.path.self_update_request_id, reach=reach), reach)


@routes.get(
    "/api/v1/self_update_requests/{self_update_request_id}/nodes",
    permission=UPDATES_READ,
    answer=NodeUpdateOut,
    paginated=True,
    errors=(404,),
    summary="List the nodes of a self-update request",
)
def list_nodes_of_self_update_request(
    request: Request[NodeListPath, NodeListQuery, NoBody], services: Fleet
) -> Paginated:
    """Lists the nodes of a self-update request with the outcome of each and the version that it runs."""
    page = services.updates.outcomes.page_of_nodes(
        request.path.self_update_request_id,
        request.query.to_request(SORTABLE),
        reach=reach_of(request.principal),
    )
    return Paginated([_show_node(row) for row in page.items], page)


@routes.delete(
    "/api/v1/self_update_requests/{self_update_request_id}",
    permission=UPDATES_WRITE,
    audit="self_update_request.delete",
    status=204,
    errors=(404, 409),
    summary="Delete a completed self-update request",
)
def delete_self_update_request(request: Request[SelfUpdateRequestPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a self-update request and the outcomes of its nodes. Refused with 409 until it is completed, and with 403
    if the key is restricted to clusters and the request also reached others."""
    services.updates.requests.delete(request.path.self_update_request_id, reach=reach_of(request.principal))
    return NoContent()


def _show(request: SelfUpdateRequest, reach: Reach) -> SelfUpdateRequestOut:
    summary = request.summary
    return SelfUpdateRequestOut(
        id=request.id,
        targeting=request.targeting.shown(reach),
        version=request.agent_version,
        status=request.status,
        summary=None if summary is None else SummaryOut(**summary.model_dump()),
        inserted_at=request.inserted_at,
        updated_at=request.updated_at,
    )


def _show_node(row: NodeUpdate) -> NodeUpdateOut:
    return NodeUpdateOut(
        node_id=row.node_id,
        cluster_name=row.cluster_name,
        status=row.state,
        version_before=row.agent_version_before,
        version=row.agent_version,
        reason=row.reason,
        inserted_at=row.inserted_at,
        updated_at=row.updated_at,
    )
