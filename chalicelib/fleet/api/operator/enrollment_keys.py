"""Enrollment keys, for operators; and the public key, for anybody where that is switched on."""

from typing import Annotated

from annotated_types import Ge, MaxLen
from pydantic import BaseModel, ConfigDict

from chalicelib.bootstrap import Services
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.fleet.enrollment.model import NAME_MAX_LENGTH, SORTABLE, EnrollmentKey, KeyChanges
from chalicelib.kit.clock import to_seconds_text
from chalicelib.web.endpoint import OPERATOR, PUBLIC, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import BoolFilter, DateFilter, ListQuery, PositiveFilter, TextFilter
from chalicelib.web.validation import Body, DateTime, Int32, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Nodes.EnrollmentKey")

KeyName = Annotated[str, MaxLen(NAME_MAX_LENGTH)]
Uses = Annotated[Int32, Ge(1)]


class KeyPath(Path):
    key_id: Uuid


class OwnerPath(Path):
    cluster_name: ClusterName


class EnrollmentKeyListQuery(ListQuery):
    cluster_name: TextFilter = None
    name: TextFilter = None
    has_name: BoolFilter = None
    key: TextFilter = None
    uses_remaining: PositiveFilter = None
    is_unlimited: BoolFilter = None
    is_spent: BoolFilter = None
    is_expired: BoolFilter = None
    is_never_used: BoolFilter = None
    has_expiry: BoolFilter = None
    uses_remaining__gte: PositiveFilter = None
    uses_remaining__lte: PositiveFilter = None
    expired_at__gte: DateFilter = None
    expired_at__lte: DateFilter = None
    last_used_at__gte: DateFilter = None
    last_used_at__lte: DateFilter = None


class EnrollmentKeyFields(Body):
    """Null means none: no name, no limit, no expiry. What is left out keeps its value, of a new key its default:
    one use and no expiry."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "rollout", "uses_remaining": 10, "expired_at": "2030-01-01T00:00:00Z"}}
    )

    name: KeyName | None = None
    uses_remaining: Uses | None = None
    expired_at: DateTime | None = None

    def given(self) -> KeyChanges:
        """Only what the request holds."""
        changes: KeyChanges = {}
        if "name" in self.model_fields_set:
            changes["name"] = self.name
        if "uses_remaining" in self.model_fields_set:
            changes["uses_remaining"] = self.uses_remaining
        if "expired_at" in self.model_fields_set:
            changes["expired_at"] = None if self.expired_at is None else to_seconds_text(self.expired_at)
        return changes


class EnrollmentKeyOut(BaseModel):
    """``key`` is what a machine is given as ENROLLMENT_KEY."""

    id: str
    cluster_name: str
    name: str | None
    key: str
    uses_remaining: int | None
    expired_at: Timestamp | None
    last_used_at: Timestamp | None
    inserted_at: Timestamp
    updated_at: Timestamp


@routes.post(
    "/api/v1/clusters/{cluster_name}/enrollment_keys",
    auth=OPERATOR,
    body_required=False,
    answer=EnrollmentKeyOut,
    status=201,
    errors=(404, 422),
    blocked_when_degraded=True,
    summary="Create an enrollment key for a cluster",
)
def create_key(request: Request[OwnerPath, NoQuery, EnrollmentKeyFields], services: Services) -> Created:
    return _created(services.enrollment.create(request.path.cluster_name, request.body.given()), services)


@routes.post(
    "/api/v1/clusters/default/enrollment_keys",
    auth=OPERATOR,
    body_required=False,
    answer=EnrollmentKeyOut,
    status=201,
    errors=(403, 404, 422),
    blocked_when_degraded=True,
    summary="Create an enrollment key for the default cluster",
)
def create_default_key(request: Request[NoPath, NoQuery, EnrollmentKeyFields], services: Services) -> Created:
    return _created(services.enrollment.create_for_default(request.body.given()), services)


@routes.post(
    "/api/v1/clusters/default/enrollment_keys/public",
    auth=PUBLIC,
    answer=EnrollmentKeyOut,
    status=201,
    errors=(403, 404),
    blocked_when_degraded=True,
    summary="Get a public enrollment key for the default cluster",
)
def create_public_key(request: Request[NoPath, NoQuery, NoBody], services: Services) -> Created:
    """A key for one use within a day (`PUBLIC_ENROLLMENT_KEY_SECONDS`), for anybody; 403 unless the installation offers
    it. A body is not looked at."""
    del request
    return Created(_show(services.enrollment.create_public(), services))


@routes.get(
    "/api/v1/enrollment_keys",
    auth=OPERATOR,
    answer=EnrollmentKeyOut,
    paginated=True,
    summary="List enrollment keys",
)
def list_keys(request: Request[NoPath, EnrollmentKeyListQuery, NoBody], services: Services) -> Paginated:
    page = services.enrollment.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(key, services) for key in page.items], page)


@routes.get(
    "/api/v1/enrollment_keys/{key_id}",
    auth=OPERATOR,
    answer=EnrollmentKeyOut,
    errors=(404,),
    summary="Get an enrollment key",
)
def get_key(request: Request[KeyPath, NoQuery, NoBody], services: Services) -> EnrollmentKeyOut:
    return _show(services.enrollment.get(request.path.key_id), services)


@routes.patch(
    "/api/v1/enrollment_keys/{key_id}",
    auth=OPERATOR,
    body_required=False,
    answer=EnrollmentKeyOut,
    errors=(404, 422),
    blocked_when_degraded=True,
    summary="Update an enrollment key",
)
def update_key(request: Request[KeyPath, NoQuery, EnrollmentKeyFields], services: Services) -> EnrollmentKeyOut:
    return _show(services.enrollment.change(request.path.key_id, request.body.given()), services)


@routes.delete(
    "/api/v1/enrollment_keys/{key_id}",
    auth=OPERATOR,
    status=204,
    errors=(404,),
    blocked_when_degraded=True,
    summary="Delete an enrollment key",
)
def delete_key(request: Request[KeyPath, NoQuery, NoBody], services: Services) -> NoContent:
    services.enrollment.delete(request.path.key_id)
    return NoContent()


def _created(key: EnrollmentKey, services: Services) -> Created:
    return Created(_show(key, services), f"/api/v1/enrollment_keys/{key.id}")


def _show(key: EnrollmentKey, services: Services) -> EnrollmentKeyOut:
    shown = key.model_dump(include=set(EnrollmentKeyOut.model_fields) - {"key"})
    return EnrollmentKeyOut(**shown, key=services.enrollment.reveal(key).reveal())
