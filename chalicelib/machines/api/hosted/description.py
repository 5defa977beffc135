"""The API of hosted nodes in its published document."""

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
from chalicelib.machines.api.hosted.protocol import HOSTED as PROTOCOL
from chalicelib.web.answering import internal
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.description import Description

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["message", "error"],
    "properties": {
        "message": {"type": "string", "description": "Explanation for people."},
        "error": {
            "type": "object",
            "description": "The failure.",
            "required": ["code", "details"],
            "properties": {
                "code": {"type": "string", "description": "Stable name of the kind of error."},
                "details": {
                    "type": "object",
                    "description": "The problems by parameter.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
ERRORS = (
    bad_request(),
    unauthorized(),
    forbidden(),
    not_found(),
    conflict("Build 2 of this node, UPGRADE, is in progress: one is carried out at a time"),
    EdgeError(Kind.PAYLOAD_TOO_LARGE, "Request body is larger than 1048576 bytes"),
    EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type. Expected application/json"),
    rate_limited(1),
    internal(),
    unavailable(),
)

HOSTED = Description(
    title=PROTOCOL.name,
    version="1.0.0",
    text="Nodes that are kept for their owner: machines with an enrolled agent, changed by builds.",
    tags={
        "Documentation": "The document of this API",
        "Nodes": "Nodes, made, looked at and destroyed",
        "Actions": "Builds that change a node",
        "Credentials": "The key of webhooks, and certificates of clients",
        "Logs": "Exports of a node's logs",
    },
    server=LOCAL_URL,
    server_text="`make up`",
    error=ERROR,
    errors=ERRORS,
    is_newer=True,
)
"""The texts and errors of the document."""
