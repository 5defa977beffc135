"""The theatre's API in the published document."""

from typing import Any

from chalicelib.kit.errors import EdgeError, Kind, bad_request, not_found, rate_limited, unauthorized, unavailable
from chalicelib.theatre.api.protocol import THEATRE as PROTOCOL
from chalicelib.web.answering import internal
from chalicelib.web.description import Description
from chalicelib.web.openapi_schema import Schema
from chalicelib.web.operation import NO_EXAMPLE, Endpoint


def _wrapped(endpoint: Endpoint, data: Schema, example: Any) -> tuple[Schema, Any]:
    """Lists are objects; single results are not wrapped."""
    if not endpoint.paginated:
        return data, example
    schema = {
        "type": "object",
        "required": ["items", "total"],
        "properties": {
            "items": {"type": "array", "items": data, "description": "The puppets of the page."},
            "total": {"type": "integer", "minimum": 0, "description": "Number of puppets that match."},
        },
    }
    return schema, example if example is NO_EXAMPLE else {"items": [example], "total": 1}


THEATRE = Description(
    title=PROTOCOL.name,
    version="1.0.0",
    text="A toy family, which shows that another family can be added.",
    tags={"Puppets": "Puppets and their state"},
    server="http://127.0.0.1:8080",
    server_text="`make up`",
    error={
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {
            "error_code": {"type": "string", "description": "Stable name of the kind of error."},
            "message": {"type": "string", "description": "Explanation for people."},
        },
    },
    errors=(
        bad_request(),
        unauthorized(),
        not_found(),
        EdgeError(Kind.PAYLOAD_TOO_LARGE, "Request body is larger than 1048576 bytes"),
        EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type. Expected application/json"),
        rate_limited(1),
        internal(),
        unavailable(),
    ),
    error_headers={
        "x-error": {"description": "The same as `error_code`", "required": True, "schema": {"type": "string"}}
    },
    wrapped=_wrapped,
)
