"""The protocol of the compute, auth and billing APIs: bare answers, and errors that headers tell as well."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.api.credentials import PAIR, admit_user, bearer_or_pair
from chalicelib.platform.limits.model import Standing
from chalicelib.web.audience import Audience, Exchange
from chalicelib.web.page_bytes import fitting
from chalicelib.web.protocol import STATUSES, ApiProtocol, GatewayError
from chalicelib.web.rendering import PageNumbers, to_json

_FIRST_SERVER_ERROR = 500

_STATUSES = {**STATUSES, Kind.VALIDATION_FAILED: 400, Kind.METHOD_NOT_ALLOWED: 404}
"""The published API knows no 422: every wrong parameter is a 400; and no 405: whatever it does not have is a 404."""


def error_fields(message: str, code: str, status: int, error_id: str) -> dict[str, str]:
    """The fields of an error's body. ``error_id`` is that of the header, ``code`` a stable word."""
    kind = "ERROR" if status >= _FIRST_SERVER_ERROR else "WARNING"
    return {"message": message, "type": kind, "code": code, "error_id": error_id}


class Plain:
    """Renders bodies without an envelope."""

    def __init__(self, request_id: str, _now: datetime) -> None:
        self._request_id = request_id

    def success(self, data: BaseModel) -> str:
        return data.model_dump_json(by_alias=True)

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        del page
        return f"[{','.join(fitting([self.success(item) for item in items], may_be_fewer=may_be_fewer))}]"

    def error(self, error: EdgeError) -> str:
        fields: dict[str, Any] = error_fields(_told(error), error.code, _STATUSES[error.kind], self._request_id)
        param = next(iter(error.details or ()), "").strip("/").replace("/", ".")
        return to_json({"error": fields | ({"param": param} if param else {})})

    def error_headers(self, error: EdgeError) -> Mapping[str, str]:
        return {"x-error": header_text(_told(error)), "x-error-id": self._request_id}


def _told(error: EdgeError) -> str:
    """The message, with the first problem: callers of this protocol get no list of them."""
    for field, problems in (error.details or {}).items():
        param = field.strip("/").replace("/", ".")
        return f"{error.message}: {f'{param} ' if param else ''}{problems[0]}"
    return error.message


def header_text(text: str) -> str:
    """The text as a header may hold it: printable ASCII, everything else as question marks."""
    return "".join(character if character.isascii() and character.isprintable() else "?" for character in text)


def _gateway_error(kind: Kind, message: str) -> GatewayError:
    """An error of API Gateway, which answers those of all APIs of a host alike: with the fields of each of them."""
    fields = error_fields(message, kind.value, STATUSES[kind], "$context.requestId")
    body = json.dumps({"success": False, "error": {**fields, "details": {}}})
    return GatewayError(body, {"x-error": f"'{message}'", "x-error-id": "context.requestId"})


COMPUTE = ApiProtocol(
    name="Compute",
    renderer=Plain,
    gateway_error=_gateway_error,
    statuses=_STATUSES,
    methods=("GET", "POST", "PUT", "DELETE"),
)


BILLING = replace(COMPUTE, name="Billing")


def _admit(exchange: Exchange) -> None:
    admit_user(exchange, bearer_or_pair(exchange.incoming))


def limit_of_operation(exchange: Exchange) -> Standing | None:
    """Count a request of a key, and as an operation of its type for the caller's customer."""
    edge, principal, operation = exchange.edge, exchange.principal, exchange.endpoint.counted_as
    standing = edge.limits.of_principal(principal)
    is_refused = standing is not None and standing.wait_seconds > 0
    if is_refused or not operation or not principal.actor or not edge.settings.operation_limits_enabled:
        return standing
    counted: Standing = exchange.services.allowances.take(principal.tenant, operation)
    return counted


SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a session, or a key: MASTER_KEY, API_KEY, a named key (`edge_…`)",
    },
    "keyPair": {
        "type": "apiKey",
        "in": "header",
        "name": PAIR[0],
        "description": f"A key pair: `apiKey` here, and `apiSecret` in the header `{PAIR[1]}`",
    },
}
"""The ways to authenticate, of which a request uses one."""


USER = Audience(
    name="user",
    admit=_admit,
    schemes=SCHEMES,
    statuses=frozenset({401, 403, 429}),
    by_permission=True,
    limit=limit_of_operation,
)
"""Users of a tenant and holders of keys."""
