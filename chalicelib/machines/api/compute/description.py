"""The compute API in its published document."""

from typing import Any

from chalicelib.kit.errors import (
    EdgeError,
    Kind,
    bad_request,
    conflict,
    forbidden,
    not_found,
    rate_limited,
    unauthorized,
    unavailable,
)
from chalicelib.machines.api.compute.protocol import COMPUTE as PROTOCOL
from chalicelib.web.answering import internal
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.description import Description

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "description": "The failure, as the headers tell it.",
            "required": ["message", "type", "code", "error_id"],
            "properties": {
                "message": {"type": "string", "description": "Explanation for people, as in `x-error`."},
                "type": {"type": "string", "enum": ["WARNING", "ERROR"], "description": "`ERROR` from status 500 on."},
                "code": {"type": "string", "description": "Stable name of the kind of error."},
                "error_id": {"type": "string", "format": "uuid", "description": "Id of the error, as in `x-error-id`."},
                "param": {"type": "string", "description": "The parameter that is wrong."},
            },
        }
    },
}
ERROR_HEADERS = {
    "x-error": {"description": "Explanation for people", "required": True, "schema": {"type": "string"}},
    "x-error-id": {
        "description": "Id of the error, for support",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
}
ERRORS = (
    bad_request(),
    unauthorized(),
    forbidden(),
    not_found(),
    conflict("The instance is not running"),
    EdgeError(Kind.PAYLOAD_TOO_LARGE, "Request body is larger than 1048576 bytes"),
    EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type. Expected application/json"),
    rate_limited(1),
    internal(),
    unavailable(),
)

COMPUTE = Description(
    title=PROTOCOL.name,
    version="1.0.0",
    text="Machines that are made by request.",
    tags={
        "Documentation": "What this API offers",
        "Templates": "The kinds of machines that can be made",
        "Instances": "The machines of the caller's customer",
        "Administration": "The machines and rights of all customers, for the operator of the installation",
    },
    server=LOCAL_URL,
    server_text="`make up`",
    error=ERROR,
    errors=ERRORS,
    error_headers=ERROR_HEADERS,
    is_newer=True,
)
