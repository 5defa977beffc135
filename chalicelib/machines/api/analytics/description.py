"""The analytics API in its published document."""

from typing import Any

from chalicelib.kit.errors import (
    EdgeError,
    Kind,
    bad_request,
    forbidden,
    not_found,
    rate_limited,
    unavailable,
)
from chalicelib.machines.api.analytics.fields import NOT_A_UUID
from chalicelib.machines.api.analytics.protocol import ANALYTICS as PROTOCOL
from chalicelib.machines.api.analytics.protocol import invalid_key, missing_key
from chalicelib.web.answering import internal
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.description import Description

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"type": "boolean", "enum": [False], "description": "Always false."},
        "error": {
            "type": "object",
            "description": "The failure.",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "description": "Stable name of the kind of error."},
                "message": {"type": "string", "description": "Explanation for people."},
                "details": {
                    "description": "For `VALIDATION_ERROR` a list of wrong values, else an object.",
                    "anyOf": [
                        {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["path", "message"],
                                "properties": {
                                    "path": {"type": "string", "description": "Place of the value, `filter.topics.0`."},
                                    "message": {"type": "string", "description": "What is wrong, and what is allowed."},
                                },
                            },
                        },
                        {"type": "object"},
                    ],
                },
            },
        },
    },
}
ERRORS = (
    EdgeError(Kind.VALIDATION_FAILED, bad_request({}).message, {"instanceId": [NOT_A_UUID]}),
    bad_request(),
    missing_key(),
    invalid_key(),
    forbidden(),
    not_found(),
    EdgeError(Kind.PAYLOAD_TOO_LARGE, "Request body is larger than 1048576 bytes"),
    EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type. Expected application/json"),
    rate_limited(1),
    internal(),
    unavailable(),
)

ANALYTICS = Description(
    title=PROTOCOL.name,
    version="1.0.0",
    text="The history of instances and nodes: what happened, what they did, when they were out of contact. Every "
    "answer has the headers `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (Unix time): a key "
    "may make 1,000 requests a second.",
    tags={
        "Documentation": "The document of this API",
        "Instances": "The instances and nodes that have a history",
        "Analytics": "Questions about one of them",
    },
    server=LOCAL_URL,
    server_text="`make up`",
    error=ERROR,
    errors=ERRORS,
    is_newer=True,
)
