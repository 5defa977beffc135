"""A published API beside the fleet's, with a protocol of its own: keys in ``x-api-key``, answers without an envelope,
errors as ``{"error_code", "message"}`` with the header ``x-error``, a limit of its own and one header that tells of it.
For tests of the edge only."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.errors import (
    EdgeError,
    Kind,
    bad_request,
    conflict,
    not_found,
    rate_limited,
    unauthorized,
    unavailable,
)
from chalicelib.platform.access.keys import OPERATOR_KEYS
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.principal import Scope
from chalicelib.web.answering import internal
from chalicelib.web.api import Api
from chalicelib.web.audience import PUBLIC, Audience, Exchange, admit_by_key
from chalicelib.web.description import Description
from chalicelib.web.endpoint import Created, Endpoints, Paginated, Request
from chalicelib.web.protocol import STATUSES, ApiProtocol, GatewayError
from chalicelib.web.rendering import PageNumbers, to_json
from chalicelib.web.validation import Body, Int32, NoBody, NoPath, NoQuery, Path, Uuid

LIMIT = 3
"""Requests of one key that are answered in a minute."""


class Renderer:
    """Bare results, pages as ``{"elements", "total"}``, flat errors."""

    def __init__(self, request_id: str, now: datetime) -> None:
        self._request_id = request_id

    def success(self, data: BaseModel) -> str:
        return data.model_dump_json()

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        return to_json({"elements": [item.model_dump(mode="json") for item in items], "total": page.total_count})

    def error(self, error: EdgeError) -> str:
        return to_json({"error_code": error.code.upper(), "message": _said(error)})

    def error_headers(self, error: EdgeError) -> Mapping[str, str]:
        return {"x-error": _said(error), "x-error-id": self._request_id}


def _said(error: EdgeError) -> str:
    problems = [f"{field}: {text}" for field, texts in (error.details or {}).items() for text in texts]
    return "; ".join(problems) or error.message


def _gateway_error(kind: Kind, message: str) -> GatewayError:
    body = {"error_code": kind.value.upper(), "message": message}
    return GatewayError(json.dumps(body), {"x-error": f"'{message}'", "x-error-id": "context.requestId"})


OTHER = ApiProtocol(
    name="Other",
    renderer=Renderer,
    gateway_error=_gateway_error,
    statuses={**STATUSES, Kind.VALIDATION_FAILED: 400},
    challenge="",
    exposed_headers=("retry-after", "x-error", "x-error-id"),
    limit_headers=lambda standing, _now: {"x-ratelimit-remaining": str(standing.remaining)},
)


def _admit(exchange: Exchange) -> None:
    admit_by_key(exchange, exchange.incoming.header("x-api-key"), OPERATOR_KEYS)
    exchange.principal = replace(exchange.principal, requests_per_minute=LIMIT)
    exchange.noted["plan"] = "small"


CALLER = Audience(
    name="caller",
    admit=_admit,
    schemes={"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
    statuses=frozenset({401, 429}),
    by_permission=True,
)


class ShelfPath(Path):
    id: Uuid


class NewShelf(Body):
    width: Int32


class Shelf(BaseModel):
    id: str
    width: int


routes = Endpoints(tag="Shelves")

SHELVES_READ = Permission("shelves:read", KeyRole.VIEWER)
SHELVES_WRITE = Permission("shelves:write", KeyRole.ADMIN)


@routes.post(
    "/other/shelves",
    auth=CALLER,
    permission=SHELVES_WRITE,
    scope=Scope.INSTALLATION,
    audit="shelf.create",
    answer=Shelf,
    status=201,
    errors=(409,),
    summary="Make a shelf",
)
def make_shelf(request: Request[NoPath, NoQuery, NewShelf], services: Any) -> Created:
    return request.once(services.visit, lambda _: Created(Shelf(id="1", width=request.body.width), "/other/shelves/1"))


@routes.get(
    "/other/shelves",
    auth=CALLER,
    permission=SHELVES_READ,
    scope=Scope.INSTALLATION,
    answer=Shelf,
    paginated=True,
    summary="List shelves",
)
def list_shelves(_request: Request[NoPath, NoQuery, NoBody], services: Any) -> Paginated:
    services.visit()
    return Paginated([Shelf(id="1", width=2)], services.page)


@routes.get(
    "/other/shelves/{id}",
    auth=CALLER,
    permission=SHELVES_READ,
    scope=Scope.INSTALLATION,
    answer=Shelf,
    errors=(404,),
    summary="Get a shelf",
)
def get_shelf(_request: Request[ShelfPath, NoQuery, NoBody], services: Any) -> Shelf:
    services.visit()
    raise not_found()


@routes.get("/other/open", auth=PUBLIC, answer=Shelf, summary="Look without a key")
def look(_request: Request[NoPath, NoQuery, NoBody], services: Any) -> Shelf:
    services.visit()
    return Shelf(id="open", width=1)


DESCRIPTION = Description(
    title="Other",
    version="1",
    text="Shelves.",
    tags={"Shelves": "Boards on a wall"},
    server="http://127.0.0.1:8080",
    server_text="Here",
    error={"$ref": "#/components/schemas/OtherError"},
    errors=(
        bad_request({"width": ["Missing field: width"]}),
        unauthorized(),
        not_found(),
        conflict("There is one already"),
        EdgeError(Kind.PAYLOAD_TOO_LARGE, "Too large"),
        EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Expected application/json"),
        rate_limited(60),
        internal(),
        unavailable(),
    ),
    schemas={
        "OtherError": {
            "type": "object",
            "required": ["error_code", "message"],
            "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
            "additionalProperties": False,
        }
    },
    error_headers={"x-error": {"description": "The message", "schema": {"type": "string"}}},
    wrapped=lambda endpoint, schema, example: (
        {"type": "object", "properties": {"elements": {"type": "array", "items": schema}, "total": {"type": "integer"}}}
        if endpoint.paginated
        else schema,
        example,
    ),
)

API = Api(
    name="Other",
    services="tests.support.client.FakeServices",
    protocol=OTHER,
    modules=("tests.support.other_protocol",),
    folder=FilePath(__file__).parent,
    description="tests.support.other_protocol.DESCRIPTION",
    published="other.json",
    prefixes=("/other/",),
)
