"""Versions of the Model Context Protocol: which are served, and what a request has to say about its own.

Up to 2025-11-25 a client shakes hands by ``initialize``; since 2026-07-28 each request says its version in ``_meta``
and, for intermediaries, method and name in headers.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.web.exchange import Incoming
from chalicelib.web.mcp.messages import INVALID_PARAMS, Message, RpcError

HANDSHAKE_VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
REQUEST_VERSIONS = ("2026-07-28",)

HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
_NAMED_METHODS = ("tools/call", "prompts/get")
_ENCODED = re.compile(r"=\?base64\?([A-Za-z0-9+/=]*)\?=")


def is_handshake(message: Message, incoming: Incoming) -> bool:
    """Whether the request belongs to a version with a handshake. Raises `RpcError` for a version that is not served,
    and for headers that say something else than the message."""
    header = incoming.header("mcp-protocol-version")
    if message.method == "initialize" or header in HANDSHAKE_VERSIONS:
        return True
    meta = message.params.get("_meta")
    said: Mapping[str, Any] = meta if isinstance(meta, dict) else {}
    if header is None and _VERSION_KEY not in said:
        return True
    if missing := [key for key in (_VERSION_KEY, _CAPABILITIES_KEY) if key not in said]:
        if header is not None and header not in REQUEST_VERSIONS:
            raise _unsupported(header)
        raise RpcError(INVALID_PARAMS, f"params._meta lacks {' and '.join(missing)}", status=400)
    _check_headers(message, incoming, header, said[_VERSION_KEY])
    if said[_VERSION_KEY] not in REQUEST_VERSIONS:
        raise _unsupported(said[_VERSION_KEY])
    return False


def _check_headers(message: Message, incoming: Incoming, version: str | None, said: object) -> None:
    expected = {"mcp-protocol-version": said, "mcp-method": message.method}
    if message.method in _NAMED_METHODS:
        expected["mcp-name"] = message.params.get("name")
    for name, value in expected.items():
        sent = version if name == "mcp-protocol-version" else incoming.header(name)
        if _decoded(sent) != value:
            raise RpcError(HEADER_MISMATCH, f"The header {name} does not say what the message says", status=400)


def _decoded(value: str | None) -> str | None:
    found = _ENCODED.fullmatch(value) if value is not None else None
    if found is None:
        return value
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _unsupported(asked: object) -> RpcError:
    served = {"supported": [*HANDSHAKE_VERSIONS, *REQUEST_VERSIONS], "requested": str(asked)}
    return RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", data=served, status=400)
