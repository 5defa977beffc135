"""The answer of an operation as the result of a tool: data with notes, or an error that says what to do next."""

import json
from typing import Any

from chalicelib.kit.errors import EdgeError
from chalicelib.web.exchange import Outgoing
from chalicelib.web.mcp.shrinking import shrunk
from chalicelib.web.mcp.tools import Tool
from chalicelib.web.rendering import to_json

Json = dict[str, Any]

_FIRST_ERROR = 400
_REPLAYED = (
    "This is the answer to an earlier call with this idempotency_key, which did the work: nothing was done again."
)
_NEXT = {
    400: "Mend the arguments that are named, by the tool's input schema, and call again.",
    401: "The key of this connection is not accepted here: this tool needs another one.",
    403: "Do not try again with this key: somebody has to grant it more, or to do it.",
    404: "It does not exist, or is beyond the reach of this key: look for it with a list tool.",
    409: "The present state does not allow it: read it before anything else is tried.",
    413: "Send less at once.",
    422: "Mend the arguments that are named, and call again.",
    429: "Wait as many seconds as retry_after_seconds says, and call again.",
    500: "A mistake of the server: tell those who run it the request_id.",
    503: "Try again in a moment. Ask first whether the last call has done its work, or repeat its idempotency_key.",
}


def result_of(tool: Tool, outgoing: Outgoing) -> Json:
    """The result of a call that reached the operation."""
    answered: Any = json.loads(outgoing.body) if outgoing.body else {}
    if outgoing.status >= _FIRST_ERROR:
        return _failed(tool, outgoing, answered)
    is_enveloped = isinstance(answered, dict) and "meta" in answered
    data, notes = shrunk(answered.get("data") if is_enveloped else answered or None)
    if outgoing.headers.get("idempotency-replayed"):
        notes = [_REPLAYED, *notes]
    content: Json = {"data": data} if data is not None else {}
    if not content and not notes:
        notes = ["Accepted: it goes on in the background." if outgoing.status == 202 else "Done."]  # noqa: PLR2004
    if is_enveloped:
        content["meta"] = answered["meta"]
    if notes:
        content["notes"] = notes
    return _result(content, [*notes, *([to_json(data)] if data is not None else [])])


def refused(error: EdgeError, status: int) -> Json:
    """The result of a call that did not reach the operation."""
    told: Json = {"code": error.code, "message": error.message}
    if error.details:
        told["details"] = error.details
    return _error(told, status, None)


def _failed(tool: Tool, outgoing: Outgoing, answered: Any) -> Json:
    if not (isinstance(answered, dict) and "error" in answered):
        return _result({"data": answered}, [_NEXT[503], to_json(answered)], is_error=True)
    told = {**answered["error"]}
    names = {field: name for name, field in (*tool.path.items(), *tool.query.items(), *tool.body.items())}
    if details := told.get("details"):
        told["details"] = {_renamed(field, names): texts for field, texts in details.items()}
    if wait := outgoing.headers.get("retry-after"):
        told["retry_after_seconds"] = int(wait)
    return _error(told, outgoing.status, answered.get("meta", {}).get("request_id"))


def _renamed(field: str, names: dict[str, str]) -> str:
    first, separator, rest = field.partition("/")
    return f"{names.get(first, first)}{separator}{rest}"


def _error(told: Json, status: int, request_id: str | None) -> Json:
    advice = _NEXT.get(status, _NEXT[500])
    details = told.get("details", {})
    lines = [f"{told['code']}: {told['message']}"]
    lines += [f"{field or 'request'}: {'; '.join(texts)}" for field, texts in details.items()]
    if "retry_after_seconds" in told:
        lines.append(f"retry_after_seconds: {told['retry_after_seconds']}")
    lines += [advice, *([f"request_id: {request_id}"] if request_id else [])]
    identified = {"request_id": request_id} if request_id else {}
    return _result({"error": told, "next": advice, **identified}, lines, is_error=True)


def _result(content: Json, lines: list[str], *, is_error: bool = False) -> Json:
    return {
        "content": [{"type": "text", "text": "\n".join(lines)}],
        "structuredContent": content,
        "isError": is_error,
    }
