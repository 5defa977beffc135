"""Self-update requests, for operators."""

from typing import Annotated, Any

from pydantic import BaseModel

from chalicelib.bootstrap import Services
from chalicelib.fleet.api.operator.targeting import TargetingIn
from chalicelib.fleet.distribution.model import Version
from chalicelib.fleet.updates.model import SORTABLE, NodeState, NodeUpdate, RequestStatus, SelfUpdateRequest
from chalicelib.kit.errors import invalid
from chalicelib.web.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import EnumFilter, ListQuery, TextFilter
from chalicelib.web.validation import Body, NoBody, NoPath, NoQuery, OneOf, Path, Timestamp, Uuid, nullable

routes = Endpoints(tag="SelfUpdates.Request")


class SelfUpdateRequestPath(Path):
    self_update_request_id: Uuid


class SelfUpdateRequestListQuery(ListQuery):
    status: EnumFilter[RequestStatus] = None


class NodeListQuery(ListQuery):
    status: EnumFilter[NodeState] = None
    cluster_name: TextFilter = None
    version: TextFilter = None


class SelfUpdateRequestCreate(Body):
    """Whatever it says, only healthy nodes that let themselves be updated are asked. ``version`` is one that this stack
    serves; without it, each node takes the one that is current when it asks."""

    targeting: TargetingIn
    version: Version | None = None


class SummaryOut(BaseModel):
    """``triggered`` nodes were told, and have not failed since; ``updated`` are those of them that say that they run
    what was asked for."""

    total: int
    triggered: int
    failed: int
    updated: int


class SelfUpdateRequestOut(BaseModel):
    """``summary`` is there once the request is completed."""

    id: str
    targeting: dict[str, Any]
    version: str | None
    status: OneOf[RequestStatus]
    summary: Annotated[SummaryOut | None, nullable(SummaryOut)]
    inserted_at: Timestamp
    updated_at: Timestamp


class NodeUpdateOut(BaseModel):
    """``version`` is what the node says that it runs since, null before it has said so and for agents that do not.
    ``reason`` says why it failed."""

    node_id: str
    cluster_name: str
    status: OneOf[NodeState]
    version_before: str | None
    version: str | None
    reason: str | None
    inserted_at: Timestamp
    updated_at: Timestamp


@routes.post(
    "/api/v1/self_update_requests",
    auth=OPERATOR,
    answer=SelfUpdateRequestOut,
    status=201,
    errors=(422,),
    blocked_when_degraded=True,
    summary="Ask nodes to update themselves",
)
def create_self_update_request(
    request: Request[NoPath, NoQuery, SelfUpdateRequestCreate], services: Services
) -> Created:
    wanted, version = request.body.targeting, request.body.version
    if version is not None and not services.distribution.has(version):
        raise invalid("version", "is no version of the agent that this stack serves")
    made = services.self_updates.create(wanted.to_targeting(), version, allow_missing=wanted.allow_missing)
    return Created(_show(made), location=f"/api/v1/self_update_requests/{made.id}")


@routes.get(
    "/api/v1/self_update_requests",
    auth=OPERATOR,
    answer=SelfUpdateRequestOut,
    paginated=True,
    summary="List self-update requests",
)
def list_self_update_requests(
    request: Request[NoPath, SelfUpdateRequestListQuery, NoBody], services: Services
) -> Paginated:
    page = services.self_updates.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(row) for row in page.items], page)


@routes.get(
    "/api/v1/self_update_requests/{self_update_request_id}",
    auth=OPERATOR,
    answer=SelfUpdateRequestOut,
    errors=(404,),
    summary="Get a self-update request",
)
def get_self_update_request(
    request: Request[SelfUpdateRequestPath, NoQuery, NoBody], services: Services
) -> SelfUpdateRequestOut:
    return _show(services.self_updates.get(request.path.self_update_request_id))


@routes.get(
    "/api/v1/self_update_requests/{self_update_request_id}/nodes",
    auth=OPERATOR,
    answer=NodeUpdateOut,
    paginated=True,
    errors=(404,),
    summary="List the nodes of a self-update request, with the version that each runs",
)
def list_nodes_of_self_update_request(
    request: Request[SelfUpdateRequestPath, NodeListQuery, NoBody], services: Services
) -> Paginated:
    page = services.update_outcomes.page_of_nodes(
        request.path.self_update_request_id, request.query.to_request(SORTABLE)
    )
    return Paginated([_show_node(row) for row in page.items], page)


@routes.delete(
    "/api/v1/self_update_requests/{self_update_request_id}",
    auth=OPERATOR,
    status=204,
    errors=(404, 409),
    summary="Delete a completed self-update request",
)
def delete_self_update_request(
    request: Request[SelfUpdateRequestPath, NoQuery, NoBody], services: Services
) -> NoContent:
    services.self_updates.delete(request.path.self_update_request_id)
    return NoContent()


def _show(request: SelfUpdateRequest) -> SelfUpdateRequestOut:
    summary = request.summary
    return SelfUpdateRequestOut(
        id=request.id,
        targeting=request.targeting.model_dump(mode="json", exclude_none=True),
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
