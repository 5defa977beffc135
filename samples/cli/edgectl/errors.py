"""How a command ends that does not succeed: with a sentence, and an exit code."""

from collections.abc import Mapping
from typing import Any

SOME_FAILED = 1
REFUSED = 2
UNSURE = 3
"""It may have been done: its answer is lost, or it cannot be followed."""

DEADLINE = 124
INTERRUPTED = 130

NOT_FOUND = 404


class CliError(Exception):
    """The command ends with this sentence on standard error, and with this exit code."""

    def __init__(self, text: str, code: int = REFUSED) -> None:
        super().__init__(text)
        self.code = code


class ApiError(CliError):
    """The control plane refused a request. ``status`` is that of HTTP, ``reason`` the code of the error, "" without."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(_sentence(status, body))
        self.status = status
        error = body.get("error") if isinstance(body, Mapping) else None
        self.reason = str(error.get("code") or "") if isinstance(error, Mapping) else ""


def _sentence(status: int, body: Any) -> str:
    """The message of the error's envelope with its details, each with its field."""
    error = body.get("error", body) if isinstance(body, Mapping) else {}
    if not isinstance(error, Mapping):
        error = {}
    said = str(error.get("message") or f"the control plane answered {status}")
    details = error.get("details")
    explained = [f"{field}: {', '.join(map(str, _texts(texts)))}" for field, texts in _items(details)]
    request_id = _request_id(body)
    hint = {401: "is the key right? edgectl login", 403: "this key may not do that"}.get(status)
    parts = [said, *explained, *([hint] if hint else []), *([f"request {request_id}"] if request_id else [])]
    return "; ".join(parts)


def _items(details: Any) -> list[tuple[str, Any]]:
    return list(details.items()) if isinstance(details, Mapping) else []


def _texts(texts: Any) -> list[Any]:
    return texts if isinstance(texts, list) else [texts]


def _request_id(body: Any) -> str:
    meta = body.get("meta") if isinstance(body, Mapping) else None
    return str(meta.get("request_id") or "") if isinstance(meta, Mapping) else ""
