"""The protocol of the hosted nodes' API: bare answers, 400 for whatever is wrong with a request, and the bare token as
well as a bearer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.machines.api.compute.protocol import COMPUTE, limit_of_operation
from chalicelib.machines.api.credentials import admit_user, token_or_pair
from chalicelib.web.audience import Audience, Exchange
from chalicelib.web.page_bytes import fitting
from chalicelib.web.protocol import STATUSES, ApiProtocol
from chalicelib.web.rendering import PageNumbers, to_json

_STATUSES = {**STATUSES, Kind.VALIDATION_FAILED: 400}
"""The published document knows no 422."""


class Plain:
    """Renders bodies without an envelope. An error is ``{"message", "error": {"code", "details"}}``."""

    def __init__(self, _request_id: str, _now: datetime) -> None:
        pass

    def success(self, data: BaseModel) -> str:
        return data.model_dump_json(by_alias=True)

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        del page
        return f"[{','.join(fitting([self.success(item) for item in items], may_be_fewer=may_be_fewer))}]"

    def error(self, error: EdgeError) -> str:
        details: Any = {
            field.strip("/").replace("/", "."): list(texts) for field, texts in (error.details or {}).items()
        }
        return to_json({"message": error.message, "error": {"code": error.code, "details": details}})

    def error_headers(self, _error: EdgeError) -> Mapping[str, str]:
        return {}


HOSTED = ApiProtocol(
    name="Hosted nodes",
    renderer=Plain,
    gateway_error=COMPUTE.gateway_error,
    statuses=_STATUSES,
    methods=("GET", "POST", "DELETE"),
)


def _admit(exchange: Exchange) -> None:
    admit_user(exchange, token_or_pair(exchange.incoming))


OWNER = Audience(
    name="owner",
    admit=_admit,
    schemes={
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a session, or a key; the word `Bearer` may be left out",
        }
    },
    statuses=frozenset({401, 403, 429}),
    by_permission=True,
    limit=limit_of_operation,
)
"""Users of a tenant and holders of keys."""
