"""Self-update requests, for operators."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel

from chalicelib.api.endpoint import OPERATOR, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.api.list_query import EnumFilter, ListQuery
from chalicelib.api.operator.targeting import TargetingIn
from chalicelib.api.validation import Body, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid, nullable
from chalicelib.bootstrap import Services
from chalicelib.updates.model import SORTABLE, SelfUpdateRequest

StatusName = Literal["pending", "processing", "completed"]

routes = Endpoints(tag="SelfUpdates.Request")


class SelfUpdateRequestPath(Path):
    self_update_request_id: Uuid


class SelfUpdateRequestListQuery(ListQuery):
    status: EnumFilter[StatusName] = None


class SelfUpdateRequestCreate(Body):
    """Whatever it says, only healthy nodes that let themselves be updated are asked."""

    targeting: TargetingIn


class SummaryOut(BaseModel):
    total: int
    triggered: int
    failed: int


class SelfUpdateRequestOut(BaseModel):
    """``summary`` is there once the request is completed."""

    id: str
    targeting: dict[str, Any]
    status: StatusName
    summary: Annotated[SummaryOut | None, nullable(SummaryOut)]
    inserted_at: Timestamp
    updated_at: Timestamp


@routes.post(
    "/api/v1/self_update_requests",
    auth=OPERATOR,
    body=SelfUpdateRequestCreate,
    answer=SelfUpdateRequestOut,
    status=201,
    errors=(422,),
    blocked_when_degraded=True,
    summary="Ask nodes to update themselves",
)
def create_self_update_request(
    request: Request[NoPath, NoQuery, SelfUpdateRequestCreate], services: Services
) -> Created:
    wanted = request.body.targeting
    made = services.self_updates.create(wanted.to_targeting(), allow_missing=wanted.allow_missing)
    return Created(_show(made), location=f"/api/v1/self_update_requests/{made.id}")


@routes.get(
    "/api/v1/self_update_requests",
    auth=OPERATOR,
    query=SelfUpdateRequestListQuery,
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
    contract_path="/api/v1/self_update_requests/{id}",
    auth=OPERATOR,
    path=SelfUpdateRequestPath,
    answer=SelfUpdateRequestOut,
    errors=(404,),
    summary="Get a self-update request",
)
def get_self_update_request(
    request: Request[SelfUpdateRequestPath, NoQuery, NoBody], services: Services
) -> SelfUpdateRequestOut:
    return _show(services.self_updates.get(request.path.self_update_request_id))


@routes.delete(
    "/api/v1/self_update_requests/{self_update_request_id}",
    contract_path="/api/v1/self_update_requests/{id}",
    auth=OPERATOR,
    path=SelfUpdateRequestPath,
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
        status=request.status.value,
        summary=None if summary is None else SummaryOut(**summary.model_dump()),
        inserted_at=request.inserted_at,
        updated_at=request.updated_at,
    )
