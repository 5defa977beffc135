"""Reading a JSON body within bounds: size, content type, syntax, in this order."""

import json
from typing import Any

from chalicelib.api.exchange import Incoming
from chalicelib.kit.errors import EdgeError, Kind, bad_request

DEFAULT_MAX_BODY_BYTES = 1024 * 1024
"""1 MiB, for every operation that does not say otherwise."""

_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "multipart/mixed"})


def read_json(incoming: Incoming, *, required: bool, max_bytes: int) -> Any:
    """The parsed body; an empty one is ``{}``.

    Raises EdgeError: payload_too_large above `max_bytes`; bad_request with the header's text for a missing content type
    or for one that names a form or another JSON dialect; unsupported_media_type for any other type; bad_request without
    details for what is no JSON. Of a repeated member name the last value counts.
    """
    raw = incoming.body_bytes()
    if len(raw) > max_bytes:
        raise EdgeError(Kind.PAYLOAD_TOO_LARGE, f"Request body is larger than {max_bytes} bytes")
    if not raw and not required:
        return {}
    _check_content_type(incoming.header("content-type"))
    return _parse(raw) if raw.strip() else {}


def _check_content_type(header: str | None) -> None:
    if not header:
        raise bad_request({"": ["Missing header: content-type"]})
    media_type = header.split(";", 1)[0].strip().lower()
    if media_type == "application/json":
        return
    if media_type in _FORM_TYPES or (media_type.startswith("application/") and media_type.endswith("+json")):
        raise bad_request({"": ["Invalid value for header: content-type"]})
    raise EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type")


def _parse(raw: bytes) -> Any:
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
        if b"\\u" in raw:  # an escaped half of a surrogate pair is no text that could be stored or sent back
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise bad_request() from None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
