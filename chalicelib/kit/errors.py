"""Expected failures. Contexts raise `EdgeError`; only `api/` knows which HTTP status a kind becomes."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

Row = TypeVar("Row")

Details = Mapping[str, Sequence[str]]
"""The problems by field (or slash path)."""

BLANK = "can't be blank"
"""The refusal of a text without a visible character."""


NO_ZERO_BYTE = "cannot contain a zero byte"
"""The refusal of a text that no program can be given."""


class Kind(StrEnum):
    """The kind of a failure. The value is the public ``error.code``."""

    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    VALIDATION_FAILED = "validation_failed"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal_server_error"
    UNAVAILABLE = "service_unavailable"


class EdgeError(Exception):
    """A failure to report to the caller: its kind, a message for the caller, and the fields concerned.

    ``code`` is the public ``error.code``, if a caller must distinguish this failure from others of its kind.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        details: Details | None = None,
        retry_after_seconds: int | None = None,
        *,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code or kind.value
        self.message = message
        self.details = details
        self.retry_after_seconds = retry_after_seconds

    def __repr__(self) -> str:
        return f"EdgeError({self.code!r}, {self.message!r})"


def not_found() -> EdgeError:
    return EdgeError(Kind.NOT_FOUND, "Resource not found")


def found(row: Row | None) -> Row:
    """The row. Raises `EdgeError` (not found) if it is None."""
    if row is None:
        raise not_found()
    return row


def conflict(message: str) -> EdgeError:
    return EdgeError(Kind.CONFLICT, message)


def taken(field: str) -> EdgeError:
    """The conflict about a value of ``field`` that must be unique and that another row has."""
    return conflict(f"{field} has already been taken")


def at_most_bytes(limit: int) -> str:
    """The refusal of a text whose UTF-8 is longer."""
    return f"should be at most {limit} byte(s)"


def at_most_characters(limit: int) -> str:
    """The refusal of a text that is longer."""
    return f"should be at most {limit} character(s)"


def forbidden() -> EdgeError:
    return EdgeError(Kind.FORBIDDEN, "Forbidden")


def unauthorized() -> EdgeError:
    return EdgeError(Kind.UNAUTHORIZED, "Unauthorized")


def unavailable() -> EdgeError:
    return EdgeError(Kind.UNAVAILABLE, "Service Unavailable")


def rate_limited(wait_seconds: int) -> EdgeError:
    return EdgeError(Kind.RATE_LIMITED, "Too Many Requests", retry_after_seconds=wait_seconds)


def bad_request(details: Details | None = None) -> EdgeError:
    message = "Bad Request" if details is None else "Invalid request parameters"
    return EdgeError(Kind.BAD_REQUEST, message, details)


def invalid(field: str, message: str) -> EdgeError:
    """An error for one field that violates a rule of the domain (HTTP 422)."""
    return EdgeError(Kind.VALIDATION_FAILED, "Validation failed", {field: [message]})
