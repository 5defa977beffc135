"""The audit log, for those who answer for the installation."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel

from chalicelib.fleet import samples
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.errors import bad_request
from chalicelib.kit.fields import about
from chalicelib.kit.listing import ListRequest
from chalicelib.platform.access.principal import PrincipalKind, Scope
from chalicelib.platform.audit.model import AuditEvent, Outcome
from chalicelib.platform.permissions import AUDIT_READ
from chalicelib.web.endpoint import Endpoints, Paginated, PlainText, Request
from chalicelib.web.exchange import Incoming
from chalicelib.web.list_query import (
    PAGING,
    EnumFilter,
    ListQuery,
    OrderBy,
    TextFilter,
    UuidFilter,
    matching,
    ordering,
)
from chalicelib.web.validation import NoBody, NoPath, Timestamp

routes = Endpoints(tag="Access.AuditEvent")

NDJSON = "application/x-ndjson"
"""One JSON object a line (https://github.com/ndjson/ndjson-spec)."""

SORTABLE = ("inserted_at",)

EXPORTED = 500
"""Events of one page of an export: 3 MB at the very most, of the 5.5 that an answer may have."""

_NOT_EXPORTED = PAGING - {"cursor"}


class AuditListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    principal_kind: Annotated[EnumFilter[PrincipalKind], about("Only acts of principals of this kind.")] = None
    principal_id: Annotated[TextFilter, matching("the id of the principal")] = None
    address: Annotated[TextFilter, matching("the address that the request came from")] = None
    operation: Annotated[TextFilter, matching("the operation")] = None
    thing_kind: Annotated[TextFilter, matching("the kind of the thing")] = None
    thing_id: Annotated[TextFilter, matching("the id of the thing")] = None
    thing_name: Annotated[TextFilter, matching("the name of the thing")] = None
    outcome: Annotated[EnumFilter[Outcome], about("Only requests with this outcome.")] = None
    request_id: Annotated[UuidFilter, about("Only acts of the request with this UUID.")] = None
    tenant: Annotated[TextFilter, matching("the id of the tenant in which it was done")] = None


class PrincipalOut(BaseModel):
    """The caller of a request."""

    kind: Annotated[PrincipalKind, about("`root`: a key of the settings. `key`: a named key.", "key")]
    id: Annotated[
        str | None,
        about("UUID of a named key, name of a key of the settings; null: authentication is off.", samples.API_KEY_ID),
    ]
    name: Annotated[str | None, about("Name of the key when it made the request; null: none.", samples.API_KEY_NAME)]


class ThingOut(BaseModel):
    """The thing that a request acts on."""

    kind: Annotated[str | None, about("Kind of the thing.", "cluster")]
    id: Annotated[
        str | None,
        about(
            "UUID of the thing. Of a refused request the first variable of its path, as sent; null: it has none.",
            samples.CLUSTER_ID,
        ),
    ]
    name: Annotated[str | None, about("Name of the thing when it was acted on; null: none.", samples.CLUSTER)]


class AuditEventOut(BaseModel):
    """An act of an operator, or one that was refused."""

    id: Annotated[str, about("UUID of the event.", samples.AUDIT_EVENT_ID, format="uuid")]
    inserted_at: Annotated[Timestamp, about("When the request began.", samples.MOMENT)]
    principal: Annotated[PrincipalOut, about("Who made the request.")]
    address: Annotated[
        str | None, about("IP address that API Gateway saw the request come from; null: unknown.", "203.0.113.7")
    ]
    operation: Annotated[
        str,
        about(
            "What was asked for: `<kind of thing>.<action>`; of a refused read its method and path.", "cluster.delete"
        ),
    ]
    thing: Annotated[ThingOut, about("What it was asked of.")]
    outcome: Annotated[
        Outcome,
        about(
            "`done`: it was changed or shown. `accepted`: the effects followed the answer. `refused`: answered with "
            "403; of each key at most one a second.",
            "done",
        ),
    ]
    request_id: Annotated[
        str, about("UUID of the request, as in its `x-request-id`.", samples.REQUEST_ID, format="uuid")
    ]
    tenant: Annotated[str | None, about("UUID of the tenant in which it was done; null: the installation.", None)]


@routes.get(
    "/api/v1/audit_events",
    auth=OPERATOR,
    permission=AUDIT_READ,
    scope=Scope.INSTALLATION,
    answer=AuditEventOut,
    lines=NDJSON,
    paginated=True,
    summary="List what operators did",
)
def list_audit_events(request: Request[NoPath, AuditListQuery, NoBody], services: Fleet) -> Paginated | PlainText:
    """Lists what operators did and what they were refused in the last 400 days, newest first: one event for each
    request and thing that it acts on. Events appear about a second after the answer. With `Accept:
    application/x-ndjson` the log is exported: up to 500 events, one a line, and a `Link` header with `rel="next"` as
    long as there may be more; a page may hold few, or none, before the last. Neither bodies nor outputs are in it."""
    query = request.query.to_request(SORTABLE)
    if NDJSON in _accepted(request.incoming):
        return _export(query, request.incoming.query, services)
    page = services.platform.audit.list_page(query)
    return Paginated([_show(event) for event in page.items], page)


def _export(query: ListRequest, given: Mapping[str, str], services: Fleet) -> PlainText:
    """A page by cursor, larger than those of lists. ``given`` is the query string."""
    text = f"Not with {NDJSON}: its pages follow the header link"
    if wrong := {name: [text] for name in given if name in _NOT_EXPORTED}:
        raise bad_request(wrong)
    page = services.platform.audit.list_page(replace(query, cursor=query.cursor or "", page_size=EXPORTED))
    shown = (json.dumps(_show(event).model_dump(mode="json"), ensure_ascii=False) for event in page.items)
    body = "".join(f"{line}\n" for line in shown)
    if page.next_cursor is None:
        return PlainText(body, NDJSON)
    following = urlencode({**given, "cursor": page.next_cursor})
    return PlainText(body, NDJSON, {"link": f'<?{following}>; rel="next"'})


def _accepted(incoming: Incoming) -> list[str]:
    """The media types of the header Accept, without parameters."""
    given = ",".join(incoming.headers.get("accept", ()))
    return [one.partition(";")[0].strip().lower() for one in given.split(",")]


def _show(event: AuditEvent) -> AuditEventOut:
    return AuditEventOut(
        **event.model_dump(include={"id", "inserted_at", "address", "operation", "outcome", "request_id", "tenant"}),
        principal=PrincipalOut(kind=event.principal_kind, id=event.principal_id, name=event.principal_name),
        thing=ThingOut(kind=event.thing_kind, id=event.thing_id, name=event.thing_name),
    )
