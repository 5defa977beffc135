"""The theatre's protocol: a key in a header of its own, answers without an envelope, errors named in a header."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.keys import OPERATOR_KEYS
from chalicelib.web.audience import Audience, Exchange, admit_by_key
from chalicelib.web.page_bytes import fitting
from chalicelib.web.protocol import ApiProtocol, GatewayError
from chalicelib.web.rendering import PageNumbers, to_json

KEY_HEADER = "x-theatre-key"


class Plain:
    """Renders bodies without an envelope."""

    def __init__(self, request_id: str, now: datetime) -> None:
        self._request_id = request_id
        self._now = now

    def success(self, data: BaseModel) -> str:
        return data.model_dump_json()

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        rows = fitting([item.model_dump_json() for item in items], may_be_fewer=may_be_fewer)
        return f'{{"items":[{",".join(rows)}],"total":{page.total_count}}}'

    def error(self, error: EdgeError) -> str:
        return to_json({"error_code": error.code, "message": error.message})

    def error_headers(self, error: EdgeError) -> Mapping[str, str]:
        return {"x-error": error.code}


def _gateway_error(kind: Kind, message: str) -> GatewayError:
    return GatewayError(json.dumps({"error_code": kind.value, "message": message}), {"x-error": f"'{kind.value}'"})


THEATRE = ApiProtocol(
    name="Theatre", renderer=Plain, gateway_error=_gateway_error, challenge="", methods=("GET", "POST")
)


def _admit(exchange: Exchange) -> None:
    admit_by_key(exchange, exchange.incoming.header(KEY_HEADER), OPERATOR_KEYS)


DIRECTOR = Audience(
    name="director",
    admit=_admit,
    schemes={
        "theatreKey": {
            "type": "apiKey",
            "in": "header",
            "name": KEY_HEADER,
            "description": "MASTER_KEY or API_KEY",
        }
    },
    statuses=frozenset({401, 403, 429}),
    by_permission=True,
)
"""Directors, by their key."""
