"""Checks keys, and identifies requests. Pure."""

import json
import re
from collections.abc import Sequence
from typing import Any

from chalicelib.kit.crypto import digest
from chalicelib.kit.errors import EdgeError, Kind, bad_request

HEADER = "idempotency-key"

LONGEST_KEY = 255
"""Characters of a key."""

KEY_PATTERN = "^[!-~]+$"
"""The characters of a key: visible ones of ASCII."""

_KEY = re.compile(KEY_PATTERN)


def check_key(sent: Sequence[str]) -> str:
    """The key in the values of the header. Raises `EdgeError` (bad request) unless it is sent once, as 1 to 255 visible
    ASCII characters."""
    if len(sent) != 1:
        raise _refused(f"it was sent {len(sent)} times")
    key = sent[0].strip(" \t")
    if len(key) > LONGEST_KEY:
        raise _refused(f"it has {len(key)} characters")
    if not _KEY.fullmatch(key):
        raise _refused("it is empty" if not key else f"character {_first_bad(key)} is none of these")
    return key


def record_id(holder: Sequence[str], key: str) -> str:
    """The id of the record of a key. ``holder`` identifies the principal; the same key of another is independent."""
    return digest(json.dumps([*holder, key]))


def digest_of(operation: str, path: Any, query: Any, body: Any, tenant: str = "") -> str:
    """The digest of what a request asks for, and of the tenant in which it is asked for, where that may be another one
    the next time. The order of members and the blanks of a JSON body do not matter."""
    asked_for = [operation, path, query, body]
    return digest(json.dumps([*asked_for, tenant] if tenant else asked_for, sort_keys=True))


def reused() -> EdgeError:
    """The error for a key of another request."""
    asks_for = "one operation, path and body, in one tenant"
    text = f"This Idempotency-Key was used for another request: a key belongs to {asks_for}"
    return EdgeError(Kind.CONFLICT, text, code="idempotency_key_reused")


def already_answered() -> EdgeError:
    """The error for a repeat of a request without a kept answer."""
    text = "This request was carried out before; its answer was too large to be kept and is not given again"
    return EdgeError(Kind.CONFLICT, text, code="already_answered")


def refusals() -> tuple[EdgeError, ...]:
    """Every error of a repeat, for documents."""
    return reused(), already_answered()


def _first_bad(key: str) -> int:
    return next(at for at, character in enumerate(key, 1) if not _KEY.fullmatch(character))


def _refused(reason: str) -> EdgeError:
    expected = f"Expected 1 to {LONGEST_KEY} visible ASCII characters"
    return bad_request({"": [f"Invalid value for header: {HEADER}. {expected}: {reason}"]})
