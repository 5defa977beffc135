"""The rules for requests about webhooks. Pure."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import invalid
from chalicelib.kit.signing import LONGEST_KEY_BYTES, SHARED_SECRET_PREFIX, SHORTEST_KEY_BYTES, shared_key
from chalicelib.platform.webhooks.model import NewWebhook

SECRET_BYTES_MIN = 32
SECRET_BYTES_MAX = 256
HEADERS_MAX = 20
HEADER_VALUE_LENGTH_MAX = 4096
HEADER_NAME_LENGTH_MAX = 256

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")
_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-edge-signature",
    }
)
_RESERVED_PREFIXES = ("webhook-", "proxy-")


def check_new(wanted: NewWebhook, catalogue: Collection[str]) -> None:
    """Raises `EdgeError` (validation failed) for the first field that breaks a rule; the URL is checked elsewhere."""
    check_secret(wanted.secret)
    check_headers(wanted.headers)
    unknown = [event_type for event_type in dict.fromkeys(wanted.subscribed_events) if event_type not in catalogue]
    if unknown:
        text = f"unknown event type(s): {', '.join(unknown)} — see /asyncdoc for the catalog"
        raise invalid("subscribed_events", text)


def check_secret(secret: str) -> None:
    """Raises `EdgeError` (validation failed): too short, too long, or with the prefix of Standard Webhooks but
    unreadable for the libraries of that standard."""
    size = len(secret.encode())
    if size < SECRET_BYTES_MIN:
        raise invalid("secret", f"must be at least {SECRET_BYTES_MIN} bytes")
    if size > SECRET_BYTES_MAX:
        raise invalid("secret", f"must be at most {SECRET_BYTES_MAX} bytes")
    if secret.startswith(SHARED_SECRET_PREFIX) and shared_key(secret) is None:
        wanted = f"the base64 of {SHORTEST_KEY_BYTES} to {LONGEST_KEY_BYTES} bytes"
        raise invalid("secret", f"must have {wanted} after {SHARED_SECRET_PREFIX}, as Standard Webhooks has it")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises `EdgeError` (validation failed): too many, too long, not sendable, or one that a delivery sets itself."""
    if len(headers) > HEADERS_MAX:
        raise invalid("headers", f"must have at most {HEADERS_MAX} entries")
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if len(name) > HEADER_NAME_LENGTH_MAX:
            raise invalid("headers", f"each header name must be at most {HEADER_NAME_LENGTH_MAX} characters")
        if not _TOKEN.fullmatch(name):
            raise invalid("headers", f"{name!r} is not a valid header name")
        if lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
            raise invalid("headers", f"header {name} is reserved and cannot be set")
        if lower in seen:
            raise invalid("headers", f"header {name} is given twice")
        if len(value) > HEADER_VALUE_LENGTH_MAX:
            raise invalid("headers", f"each header value must be at most {HEADER_VALUE_LENGTH_MAX} characters")
        if not _FIELD_VALUE.fullmatch(value):
            raise invalid("headers", f"the value of header {name} may only hold visible ASCII, spaces and tabs")
        seen.add(lower)


def overlap_end(now: datetime, overlap_seconds: int) -> str | None:
    """The end of the previous secret's validity; None for no overlap."""
    return to_seconds_text(now + timedelta(seconds=overlap_seconds)) if overlap_seconds else None
