"""Enrollment keys, for operators; and the public key, if the installation offers one."""

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, MaxLen
from pydantic import Field

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.protocol import NEEDS_CAPACITY, OPERATOR
from chalicelib.fleet.clusters.model import ClusterName
from chalicelib.fleet.enrollment.model import NAME_MAX_LENGTH, SORTABLE, EnrollmentKey, KeyChanges
from chalicelib.fleet.labels import check as check_labels
from chalicelib.fleet.permissions import ENROLLMENT_KEYS_READ, ENROLLMENT_KEYS_REVEAL, ENROLLMENT_KEYS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.kit.tables import ActedOn
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.web.endpoint import PUBLIC, Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.list_query import (
    BoolFilter,
    DateFilter,
    ListQuery,
    OrderBy,
    PositiveFilter,
    TextFilter,
    at_least,
    at_most,
    matching,
    ordering,
    since,
    until,
    whether,
)
from chalicelib.web.listed_filters import TextsFilter, any_of
from chalicelib.web.spellings import SameAs, Spelled, another_name
from chalicelib.web.validation import Body, DateTime, Int32, NoBody, NoPath, NoQuery, Path, Timestamp, Uuid

routes = Endpoints(tag="Nodes.EnrollmentKey")

KeyName = Annotated[str, MaxLen(NAME_MAX_LENGTH)]
Uses = Annotated[Int32, Ge(1)]
KeyLabel = Annotated[str, MaxLen(63)]


LABEL = about("Label for people, in any words; null: none.", samples.KEY_NAME)

EXPIRY = about("From when on the key is refused; null, the default: never.", samples.WEEK_LATER)


class KeyPath(Path):
    key_id: Annotated[Uuid, about("UUID of the enrollment key.", samples.KEY_ID)]


class OwnerPath(Path):
    cluster_name: Annotated[ClusterName, about("Name of the cluster that the key admits machines to.", samples.CLUSTER)]


class EnrollmentKeyListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    cluster_name: Annotated[TextFilter, matching("the name of the key's cluster")] = None
    cluster_name__in: Annotated[TextsFilter, any_of("`cluster_name`")] = None
    name: Annotated[TextFilter, matching("the label of the key")] = None
    has_name: Annotated[BoolFilter, whether("keys with a label", "keys without one")] = None
    key: Annotated[TextFilter, matching("the key itself")] = None
    uses_remaining: Annotated[PositiveFilter, about("Exactly this number of uses left.")] = None
    is_unlimited: Annotated[BoolFilter, whether("keys without a limit of uses", "keys with one")] = None
    is_spent: Annotated[BoolFilter, whether("keys without any use left", "keys that have uses left")] = None
    is_expired: Annotated[BoolFilter, whether("keys past their expiry", "keys that have not expired")] = None
    is_never_used: Annotated[BoolFilter, whether("keys that were never used", "keys that were used")] = None
    has_expiry: Annotated[BoolFilter, whether("keys that expire", "keys that never expire")] = None
    uses_remaining__gte: Annotated[PositiveFilter, at_least("number of uses left; leaves out unlimited keys")] = None
    uses_remaining__lte: Annotated[PositiveFilter, at_most("number of uses left; leaves out unlimited keys")] = None
    expired_at__gte: Annotated[DateFilter, since("Expires")] = None
    expired_at__lte: Annotated[DateFilter, until("Expires")] = None
    expires_at__gte: Annotated[DateFilter, SameAs("expired_at__gte"), another_name("expired_at__gte")] = None
    expires_at__lte: Annotated[DateFilter, SameAs("expired_at__lte"), another_name("expired_at__lte")] = None
    last_used_at__gte: Annotated[DateFilter, since("Last used")] = None
    last_used_at__lte: Annotated[DateFilter, until("Last used")] = None


class EnrollmentKeyFields(Body):
    """Properties of an enrollment key. A field that is left out keeps its value; a new key gets the default."""

    name: Annotated[KeyName | None, LABEL] = None
    labels: Annotated[
        dict[KeyLabel, KeyLabel] | None,
        about("Labels of the nodes that enrol with it; null: as they are.", {"env": "prod"}),
    ] = None
    uses_remaining: Annotated[
        Uses | None,
        about("How many more machines the key admits; null: any number. A new key has one use by default.", 10),
    ] = None
    expired_at: Annotated[DateTime | None, EXPIRY] = None
    expires_at: Annotated[DateTime | None, SameAs("expired_at"), another_name("expired_at", samples.WEEK_LATER)] = None

    def given(self) -> KeyChanges:
        """Only what the request holds."""
        changes: KeyChanges = {}
        if "name" in self.model_fields_set:
            changes["name"] = self.name
        if "uses_remaining" in self.model_fields_set:
            changes["uses_remaining"] = self.uses_remaining
        if self.labels is not None:
            check_labels(self.labels)
            changes["labels"] = self.labels
        if "expired_at" in self.model_fields_set:
            changes["expired_at"] = None if self.expired_at is None else to_seconds_text(self.expired_at)
        return changes


class EnrollmentKeyOut(Spelled):
    """A key that admits machines to a cluster."""

    id: Annotated[str, fields.ENROLLMENT_KEY]
    cluster_name: Annotated[str, about("The cluster that the key admits machines to.", samples.CLUSTER)]
    name: Annotated[str | None, LABEL]
    key: Annotated[
        str | None,
        about(
            "The secret to give to a machine, as its ENROLLMENT_KEY; null unless the caller has "
            "`enrollment_keys:reveal`.",
            samples.KEY,
        ),
    ] = Field(repr=False)
    labels: Annotated[dict[str, str], about("Labels that nodes get which enrol with it.", {"env": "prod"})]
    uses_remaining: Annotated[
        int | None, about("How many more machines the key admits; null: any number.", 10, minimum=0)
    ]
    expired_at: Annotated[Timestamp | None, EXPIRY]
    expires_at: Annotated[Timestamp | None, SameAs("expired_at"), another_name("expired_at", samples.WEEK_LATER)] = None
    last_used_at: Annotated[
        Timestamp | None, about("When the key last admitted a machine; null: never.", samples.MOMENT)
    ]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.post(
    "/api/v1/clusters/{cluster_name}/enrollment_keys",
    auth=OPERATOR,
    permission=ENROLLMENT_KEYS_WRITE,
    scope=Scope.REACH,
    audit="enrollment_key.create",
    body_required=False,
    answer=EnrollmentKeyOut,
    status=201,
    errors=(404, 422),
    guard=NEEDS_CAPACITY,
    summary="Create an enrollment key for a cluster",
)
def create_key(request: Request[OwnerPath, NoQuery, EnrollmentKeyFields], services: Fleet) -> Created:
    """Creates an enrollment key for a cluster. Without a body the key has one use and never expires. An expiry in the
    past is accepted."""
    return request.once(
        lambda: services.enrollment.create(
            request.path.cluster_name, request.body.given(), reach=reach_of(request.principal)
        ),
        lambda key: _created(key, services, request.principal),
    )


@routes.post(
    "/api/v1/clusters/default/enrollment_keys",
    auth=OPERATOR,
    permission=ENROLLMENT_KEYS_WRITE,
    scope=Scope.REACH,
    audit="enrollment_key.create",
    body_required=False,
    answer=EnrollmentKeyOut,
    status=201,
    errors=(403, 404, 422),
    guard=NEEDS_CAPACITY,
    summary="Create an enrollment key for the default cluster",
)
def create_default_key(request: Request[NoPath, NoQuery, EnrollmentKeyFields], services: Fleet) -> Created:
    """Creates an enrollment key for the default cluster (the setting DEFAULT_CLUSTER_NAME). Refused with 403 if the
    setting is empty, with 404 if that cluster does not exist."""
    return request.once(
        lambda: services.enrollment.create_for_default(request.body.given(), reach=reach_of(request.principal)),
        lambda key: _created(key, services, request.principal),
    )


@routes.post(
    "/api/v1/clusters/default/enrollment_keys/public",
    auth=PUBLIC,
    repeats="an unused key is harmless and ends by itself",
    answer=EnrollmentKeyOut,
    status=201,
    errors=(403, 404),
    guard=NEEDS_CAPACITY,
    summary="Get a public enrollment key for the default cluster",
)
def create_public_key(request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> Created:
    """Creates a key for one machine, open to anyone: it has one use and expires after a day (the setting
    PUBLIC_ENROLLMENT_KEY_SECONDS). Refused with 403 unless the installation offers public keys. A request body is
    ignored."""
    del request
    key = services.enrollment.create_public()
    return Created(_shown(key, services.enrollment.reveal(key).reveal()))


@routes.get(
    "/api/v1/enrollment_keys",
    auth=OPERATOR,
    permission=ENROLLMENT_KEYS_READ,
    scope=Scope.REACH,
    audit="enrollment_key.reveal",
    answer=EnrollmentKeyOut,
    paginated=True,
    summary="List enrollment keys",
)
def list_keys(request: Request[NoPath, EnrollmentKeyListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists enrollment keys of all clusters, newest first unless ordered otherwise. The keys themselves are
    shown to callers with the permission `enrollment_keys:reveal`."""
    page = services.enrollment.list_page(request.query.to_request(SORTABLE), reach=reach_of(request.principal))
    _note_revealed(page.items, services, request.principal)
    return Paginated([_show(key, services, request.principal) for key in page.items], page)


@routes.get(
    "/api/v1/enrollment_keys/{key_id}",
    auth=OPERATOR,
    permission=ENROLLMENT_KEYS_READ,
    scope=Scope.REACH,
    audit="enrollment_key.reveal",
    answer=EnrollmentKeyOut,
    errors=(404,),
    summary="Get an enrollment key",
)
def get_key(request: Request[KeyPath, NoQuery, NoBody], services: Fleet) -> EnrollmentKeyOut:
    """Returns one enrollment key; with the key itself if the caller has the permission `enrollment_keys:reveal`."""
    key = services.enrollment.get(request.path.key_id, reach=reach_of(request.principal))
    _note_revealed([key], services, request.principal)
    return _show(key, services, request.principal)


@routes.patch(
    "/api/v1/enrollment_keys/{key_id}",
    auth=OPERATOR,
    permission=ENROLLMENT_KEYS_WRITE,
    scope=Scope.REACH,
    audit="enrollment_key.update",
    body_required=False,
    answer=EnrollmentKeyOut,
    errors=(404, 422),
    guard=NEEDS_CAPACITY,
    summary="Update an enrollment key",
)
def update_key(request: Request[KeyPath, NoQuery, EnrollmentKeyFields], services: Fleet) -> EnrollmentKeyOut:
    """Changes the label, the uses left or the expiry of a key, also of one that is spent or expired. Null clears a
    field; a field that is left out stays as it is."""
    return _show(
        services.enrollment.change(request.path.key_id, request.body.given(), reach=reach_of(request.principal)),
        services,
        request.principal,
    )


@routes.delete(
    "/api/v1/enrollment_keys/{key_id}",
    auth=OPERATOR,
    permission=ENROLLMENT_KEYS_WRITE,
    scope=Scope.REACH,
    audit="enrollment_key.delete",
    status=204,
    errors=(404,),
    guard=NEEDS_CAPACITY,
    summary="Delete an enrollment key",
)
def delete_key(request: Request[KeyPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes an enrollment key: no further machine can use it. Machines that it admitted stay nodes."""
    services.enrollment.delete(request.path.key_id, reach=reach_of(request.principal))
    return NoContent()


def _note_revealed(keys: Sequence[EnrollmentKey], services: Fleet, principal: Principal) -> None:
    """Put the keys whose texts are read into the audit log, before they are shown."""
    if principal.has(ENROLLMENT_KEYS_REVEAL):
        services.platform.audit.note(*(ActedOn("enrollment_key", key.id, key.name or "") for key in keys))


def _created(key: EnrollmentKey, services: Fleet, principal: Principal) -> Created:
    return Created(_show(key, services, principal), f"/api/v1/enrollment_keys/{key.id}")


def _show(key: EnrollmentKey, services: Fleet, principal: Principal) -> EnrollmentKeyOut:
    return _shown(key, services.enrollment.reveal(key).reveal() if principal.has(ENROLLMENT_KEYS_REVEAL) else None)


def _shown(key: EnrollmentKey, text: str | None) -> EnrollmentKeyOut:
    return EnrollmentKeyOut(**key.model_dump(include=set(EnrollmentKeyOut.model_fields) - {"key"}), key=text)
