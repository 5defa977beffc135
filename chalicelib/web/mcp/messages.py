"""JSON-RPC 2.0 messages, one in a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.web.rendering import to_json

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602

NO_BATCH = "Send each message in a request of its own: batches are not taken"


class RpcError(Exception):
    """A message that cannot be carried out. ``status`` is that of HTTP."""

    def __init__(self, code: int, message: str, *, data: Any = None, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.status = status

    def body(self, message_id: str | int | None) -> str:
        """The answer to the message of that id, None where it is not known."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return to_json({"jsonrpc": "2.0", "id": message_id, "error": error})


@dataclass(frozen=True)
class Message:
    """``id`` is None for what wants no answer: a notification, or an answer to a request that was never sent."""

    id: str | int | None
    method: str
    params: Mapping[str, Any]


def message_in(sent: Any) -> Message:
    """The message of a body. Raises `RpcError`."""
    if isinstance(sent, list):
        raise RpcError(INVALID_REQUEST, NO_BATCH, status=400)
    if not isinstance(sent, dict) or sent.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'Send a JSON-RPC message, with "jsonrpc": "2.0"', status=400)
    if "method" not in sent and ("result" in sent or "error" in sent):
        return Message(None, "", {})
    method, message_id, params = sent.get("method"), sent.get("id"), sent.get("params")
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "method must be a text", status=400)
    if "id" in sent and (not isinstance(message_id, str | int) or isinstance(message_id, bool)):
        raise RpcError(INVALID_REQUEST, "id must be a text or an integer", status=400)
    if params is not None and not isinstance(params, dict):
        raise RpcError(INVALID_REQUEST, "params must be an object", status=400)
    return Message(message_id, method, params or {})
