"""The protocol of the analytics API: the data itself, errors with a code and details, limits in headers of every
answer."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.api.credentials import SINGLE_KEY, admit_user, single_key
from chalicelib.platform.limits.model import Standing
from chalicelib.platform.limits.rules import limit_of
from chalicelib.web.audience import PUBLIC, Audience, Exchange, hold_to
from chalicelib.web.page_bytes import fitting
from chalicelib.web.protocol import STATUSES, ApiProtocol, GatewayError
from chalicelib.web.rendering import PageNumbers, to_json

REQUESTS_PER_SECOND = 1000
"""The requests of a key that are answered in a second."""

_SECOND_MS = 1000
_LIMIT = limit_of(REQUESTS_PER_SECOND, _SECOND_MS)

MISSING_KEY, INVALID_KEY = "missing_api_key", "invalid_api_key"

_CODES = {
    Kind.VALIDATION_FAILED.value: "VALIDATION_ERROR",
    Kind.INTERNAL.value: "INTERNAL_ERROR",
}
"""The published code of an error, where it is not ours in capitals."""

_LIMIT_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


class Data:
    """Renders the data itself, and errors in an envelope."""

    def __init__(self, _request_id: str, _now: datetime) -> None:
        pass

    def success(self, data: BaseModel) -> str:
        return data.model_dump_json(by_alias=True)

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        elements = ",".join(fitting([self.success(item) for item in items], may_be_fewer=may_be_fewer))
        numbers = {"total": page.total_count, "limit": page.page_size, "offset": (page.page - 1) * page.page_size}
        return f'{{"elements":[{elements}],"pagination":{to_json(numbers)}}}'

    def error(self, error: EdgeError) -> str:
        return to_json(_envelope(_code_of(error), error.message, _details_of(error)))

    def error_headers(self, _error: EdgeError) -> Mapping[str, str]:
        return {}


def _envelope(code: str, message: str, details: Any) -> dict[str, Any]:
    return {"success": False, "error": {"code": code, "message": message, "details": details}}


def _code_of(error: EdgeError) -> str:
    return "VALIDATION_ERROR" if _names_fields(error) else _CODES.get(error.code, error.code.upper())


def _names_fields(error: EdgeError) -> bool:
    """Whether it is about values, and not about the request as a whole, such as one that is not JSON."""
    return error.kind in {Kind.BAD_REQUEST, Kind.VALIDATION_FAILED} and any(error.details or ())


def _details_of(error: EdgeError) -> Any:
    """For values a list of paths, such as ``filter.topics.0``, and messages, else an object."""
    problems = [(path, text) for path, texts in (error.details or {}).items() for text in texts]
    if _names_fields(error):
        return [{"path": path.strip("/").replace("/", "."), "message": text} for path, text in problems]
    return {"problems": [text for _, text in problems]} if problems else {}


def _gateway_error(kind: Kind, message: str) -> GatewayError:
    return GatewayError(json.dumps(_envelope(_CODES.get(kind.value, kind.value.upper()), message, {})), {})


def _limit_headers(standing: Standing, now: datetime) -> dict[str, str]:
    """As documented; the reset is a Unix time."""
    reset = int((now + timedelta(seconds=standing.reset_seconds)).timestamp())
    return dict(zip(_LIMIT_HEADERS, (str(standing.quota), str(standing.remaining), str(reset)), strict=True))


ANALYTICS = ApiProtocol(
    name="Analytics",
    renderer=Data,
    gateway_error=_gateway_error,
    statuses={**STATUSES, Kind.VALIDATION_FAILED: 400},
    challenge="",
    methods=("GET", "POST"),
    exposed_headers=("retry-after", "x-request-id", *_LIMIT_HEADERS),
    limit_headers=_limit_headers,
    undeclared=PUBLIC,
)


def _admit(exchange: Exchange) -> None:
    """A caller without a right key is held to the limit of its address, which the headers then tell."""
    offered = single_key(exchange.incoming)
    try:
        admit_user(exchange, offered)
    except EdgeError as error:
        hold_to(exchange, exchange.edge.limits.of_address(exchange.incoming.address))
        if error.kind is not Kind.UNAUTHORIZED:
            raise
        raise invalid_key() if SINGLE_KEY in exchange.incoming.headers else missing_key() from error


def missing_key() -> EdgeError:
    """The error of a request without a key."""
    return EdgeError(Kind.UNAUTHORIZED, f"The header {SINGLE_KEY} is missing", code=MISSING_KEY)


def invalid_key() -> EdgeError:
    """The error of a request with a key that is wrong, inactive or expired."""
    return EdgeError(Kind.UNAUTHORIZED, "The API key is invalid, inactive or expired", code=INVALID_KEY)


def _limit(exchange: Exchange) -> Standing | None:
    return exchange.edge.limits.of_operation(exchange.principal, "analytics", _LIMIT)


ANALYST = Audience(
    name="analyst",
    admit=_admit,
    schemes={
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": SINGLE_KEY,
            "description": "MASTER_KEY, API_KEY, a named key (`edge_…`), or the token of a session",
        }
    },
    statuses=frozenset({401, 403, 429}),
    by_permission=True,
    limit=_limit,
)
"""Holders of a key of a tenant."""
