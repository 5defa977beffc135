"""The protocol of the cloud's API: an envelope of data and meta, and errors with a type in capitals."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.quotas.rules import QUOTA_EXCEEDED
from chalicelib.web.page_bytes import fitting
from chalicelib.web.protocol import STATUSES, ApiProtocol, GatewayError
from chalicelib.web.rendering import PageNumbers, to_json

TYPES: Mapping[str, str] = {
    Kind.BAD_REQUEST: "INVALID_INPUT",
    Kind.VALIDATION_FAILED: "INVALID_INPUT",
    Kind.UNSUPPORTED_MEDIA_TYPE: "INVALID_INPUT",
    Kind.PAYLOAD_TOO_LARGE: "OBJECT_TOO_LARGE",
    Kind.RATE_LIMITED: "RATE_LIMITED",
    Kind.INTERNAL: "INTERNAL",
    Kind.UNAVAILABLE: "UNAVAILABLE",
}
"""The types of errors; that of any other is its code in capitals."""

_STATUSES = {**STATUSES, Kind.VALIDATION_FAILED: 400}
"""The published API knows no 422."""


def type_of(error: EdgeError) -> str:
    """The type of an error in an answer."""
    return TYPES.get(error.code, error.code.upper())


class Enveloped:
    """Renders ``{"data": …, "meta": …}`` and ``{"error": …, "meta": …}``."""

    def __init__(self, request_id: str, now: datetime) -> None:
        self._of_answer = {"request_id": request_id, "timestamp": to_seconds_text(now)}
        self._meta = to_json(self._of_answer)

    def success(self, data: BaseModel) -> str:
        return f'{{"data":{data.model_dump_json(by_alias=True)},"meta":{self._meta}}}'

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        shown = fitting([item.model_dump_json(by_alias=True) for item in items], may_be_fewer=may_be_fewer)
        meta = to_json({**self._of_answer, "next_token": page.next_cursor}) if page.next_cursor else self._meta
        return f'{{"data":[{",".join(shown)}],"meta":{meta}}}'

    def error(self, error: EdgeError) -> str:
        name = type_of(error)
        fields = to_json({"type": name, "message": told(error), "code": name})
        return f'{{"error":{fields},"meta":{self._meta}}}'

    def error_headers(self, error: EdgeError) -> Mapping[str, str]:
        del error
        return {}


def told(error: EdgeError) -> str:
    """The message with the first problem: this protocol has no list of them."""
    for field, problems in (error.details or {}).items():
        name = field.strip("/").replace("/", ".")
        return f"{error.message}: {f'{name} ' if name else ''}{problems[0]}"
    return error.message


def _gateway_error(kind: Kind, message: str) -> GatewayError:
    name = TYPES.get(kind, kind.value.upper())
    body: dict[str, Any] = {
        "error": {"type": name, "message": message, "code": name},
        "meta": {"request_id": "$context.requestId", "timestamp": "$context.requestTime"},
    }
    return GatewayError(json.dumps(body), {})


REPEATS_SECONDS = 30
"""The published SDK repeats a request three times after an answer of 500 and above, without a key."""

CLOUD = ApiProtocol(
    name="Cloud",
    renderer=Enveloped,
    gateway_error=_gateway_error,
    statuses=_STATUSES,
    code_statuses={QUOTA_EXCEEDED: 429},
    challenge="ApiKey",
    repeats_seconds=REPEATS_SECONDS,
)
