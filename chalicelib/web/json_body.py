"""Reading a JSON body within bounds: size, content type, encoding, syntax, in this order."""

import json
from codecs import BOM_UTF8
from typing import Any

from chalicelib.kit.errors import EdgeError, Kind, bad_request
from chalicelib.web.exchange import Incoming

DEFAULT_MAX_BODY_BYTES = 1024 * 1024
"""1 MiB, for every operation that does not say otherwise."""

_JSON = "application/json"
_EXPECTED = f"Expected {_JSON}"
_REPLACED = "\ufffd"
_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "multipart/mixed"})


def read_json(incoming: Incoming, *, required: bool, max_bytes: int, may_hold_replaced: bool = False) -> Any:
    """The parsed body; an empty one is ``{}``, a leading byte order mark is ignored.

    Raises `EdgeError` (payload too large) above `max_bytes`; (bad request) with the header's text for a missing content
    type, or for one that names a form or another JSON dialect; (unsupported media type) for any other type; (bad
    request) with the position for invalid JSON, and for text that cannot be stored. For a repeated member name the last
    value counts. ``may_hold_replaced``: U+FFFD is accepted, see `_check_text`.
    """
    raw = incoming.body_bytes()
    check_size(raw, max_bytes)
    if not raw and not required:
        return {}
    _check_content_type(incoming.header("content-type"))
    text = _text(raw.removeprefix(BOM_UTF8))
    if not may_hold_replaced:
        _check_text(text)
    return _parse(text) if text.strip() else {}


def check_size(raw: bytes, max_bytes: int, remedy: str = "") -> None:
    """Raises `EdgeError` (payload too large) for a body of more bytes, with the way to send it, where there is one."""
    if len(raw) > max_bytes:
        text = f"Request body is larger than {max_bytes} bytes"
        raise EdgeError(Kind.PAYLOAD_TOO_LARGE, f"{text}: {remedy}" if remedy else text)


def _check_content_type(header: str | None) -> None:
    if not header:
        raise bad_request({"": [f"Missing header: content-type. {_EXPECTED}"]})
    media_type = header.split(";", 1)[0].strip().lower()
    if media_type == _JSON:
        return
    if media_type in _FORM_TYPES or (media_type.startswith("application/") and media_type.endswith("+json")):
        raise bad_request({"": [f"Invalid value for header: content-type. {_EXPECTED}"]})
    raise EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, f"Unsupported Media Type. {_EXPECTED}")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"Invalid UTF-8 at byte {error.start + 1}") from None


def _check_text(text: str) -> None:
    """API Gateway passes on text, with U+FFFD in place of invalid bytes. The original is lost, so the text must not be
    run, stored or compared. Programs that replace invalid bytes themselves may send U+FFFD."""
    at = text.find(_REPLACED)
    if at >= 0:
        reason = "U+FFFD stands where the bytes were no UTF-8: send UTF-8, or \\ufffd where that character is meant"
        raise _malformed(f"Invalid text at {_position(text, at)}: {reason}")


def _parse(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:  # an escaped half of a surrogate pair is not valid text
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise _malformed(f"Invalid JSON at {_position(text, error.pos)}: {error.msg}") from None
    except UnicodeEncodeError:
        raise _malformed("Invalid JSON: half of a surrogate pair is no text") from None
    except RecursionError:
        raise _malformed("Invalid JSON: nested too deeply") from None
    except ValueError as error:
        raise _malformed(
            f"Invalid JSON: {error if isinstance(error, _ConstantError) else 'a number is too long'}"
        ) from None
    return value


def _position(text: str, at: int) -> str:
    """As editors count: lines and columns from 1."""
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _malformed(text: str) -> EdgeError:
    """As the contract has it, and where and why. Nothing of the body is quoted: it may hold a secret."""
    return EdgeError(Kind.BAD_REQUEST, "Bad Request", {"": [text]})


class _ConstantError(ValueError):
    pass


def _refuse_constant(name: str) -> None:
    raise _ConstantError(f"{name} is no number of JSON")
