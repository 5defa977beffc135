"""Checks secrets. Pure."""

from chalicelib.kit.errors import NO_ZERO_BYTE, EdgeError, Kind, at_most_bytes, conflict, invalid
from chalicelib.platform.access.principal import Principal, Resource, Scope, decide
from chalicelib.platform.permissions import SECRETS_USE
from chalicelib.platform.secrets.model import VALUE_LIMIT_BYTES, NewSecret

NUL = "\0"

QUOTA = "secrets"
"""The quota of a tenant that each secret takes one of."""


def check(new: NewSecret) -> None:
    """Raises `EdgeError` (validation failed), which does not repeat the value."""
    if new.value is None:
        return
    text = new.value.reveal()
    if not text:
        raise invalid("value", "cannot be empty")
    if len(text.encode()) > VALUE_LIMIT_BYTES:
        raise invalid("value", at_most_bytes(VALUE_LIMIT_BYTES))
    if NUL in text:
        raise invalid("value", NO_ZERO_BYTE)


def check_use(principal: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a principal that may not have programs use secrets."""
    decision = decide(principal, SECRETS_USE, Resource("secrets", Scope.INSTALLATION), {})
    if not decision.is_allowed:
        raise EdgeError(Kind.FORBIDDEN, decision.refusal)


def value_needed() -> EdgeError:
    return invalid("value", "is required for a new secret")


def gone(name: str) -> EdgeError:
    """The error of a use of a secret that was deleted since it was named."""
    return EdgeError(Kind.CONFLICT, f"the secret {name!r} does not exist", code="secret_missing")


def unreadable(name: str) -> EdgeError:
    """The error of a use of a secret whose data key was dropped."""
    return conflict(f"the value of the secret {name!r} cannot be read any more: save it again")
