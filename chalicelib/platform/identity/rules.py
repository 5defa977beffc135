"""The rules of users, sessions and codes. Pure."""

import re
from datetime import datetime, timedelta

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, invalid
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, PrincipalKind
from chalicelib.platform.identity.model import Session, Subject, Verification

SESSION_LIVES = timedelta(days=1)

CODE_DIGITS = 6
CODE_LIVES = timedelta(minutes=10)
MOST_TRIES = 5

CODE_BYTES = 8
"""Random bytes of a code: the remainder favours no code by more than one in 10^13."""

KEPT = timedelta(days=1)
"""How long the row of a code is kept after its end, and of a session that was never verified."""

LONGEST_ADDRESS = 254
"""Characters of a mail address (RFC 5321 section 4.5.3.1.3, without the angle brackets)."""

_ADDRESS = re.compile(r"[!-?A-~]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
"""Visible ASCII, an @, and a domain with a dot: what mail servers take; they know the rest."""

_UNUSABLE = "ask for another code"


def address_of(text: str) -> str:
    """A mail address as it is stored and compared: in lower case. Raises `EdgeError` (validation failed)."""
    address = text.strip().lower()
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise invalid("email", "is not an address like name@example.com")
    return address


def code_of(random: bytes) -> str:
    """The code of `CODE_BYTES` unpredictable bytes."""
    return f"{int.from_bytes(random) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def why_unusable(verification: Verification | None, subject: Subject, now: datetime) -> EdgeError:
    """The error for a code that no try is left for, of those with which a try is refused."""
    if verification is None or verification.subject is not subject:
        reason = f"is unknown: {_UNUSABLE}"
    elif verification.used_at is not None:
        reason = f"was used at {verification.used_at}"
    elif verification.expires_at <= to_seconds_text(now):
        reason = f"expired at {verification.expires_at}: {_UNUSABLE}"
    else:
        reason = f"has been tried {MOST_TRIES} times: {_UNUSABLE}"
    return invalid("verificationCodeID", reason)


def wrong_code(tries: int) -> EdgeError:
    """The error for another code than the one that was mailed."""
    left = MOST_TRIES - tries
    return invalid("code", f"is wrong; {left} tries are left" if left else f"is wrong: {_UNUSABLE}")


def is_usable(session: Session, now: datetime) -> bool:
    """Whether the session may still be used, verified or not."""
    return session.revoked_at is None and session.expires_at > to_seconds_text(now)


def principal_of(session: Session) -> Principal:
    """The user of a session, as a caller. Its end is not the user's: a key pair may outlive it."""
    return Principal(
        kind=PrincipalKind.SESSION,
        actor=f"{PrincipalKind.SESSION.value}:{session.id}",
        id=session.id,
        name=session.name,
        user=session.user_id,
        tenant=session.tenant,
        role=KeyRole.OPERATOR,
    )


def role_of_pair(maker: Principal) -> KeyRole | None:
    """The role of a key pair that the principal makes: its own, operator at most. None if it has a list of permissions
    in place of one."""
    if maker.role is None or KeyRole.OPERATOR.contains(maker.role):
        return maker.role
    return KeyRole.OPERATOR


def owner_of(principal: Principal) -> str:
    """The owner under whom the principal's key pairs are listed. All callers are one where authentication is off."""
    return principal.owner or "anyone"


def check_whole(by: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a program, and for a principal with rights, a limit or an end of its own: what
    it did to its user, or made for it, would go beyond these."""
    if by.kind is PrincipalKind.SERVICE_ACCOUNT:
        raise EdgeError(Kind.FORBIDDEN, "Only users can do this: what a program makes would outlive its account")
    has_limits = bool(by.restrictions) or by.expires_at is not None or by.requests_per_minute is not None
    if by.user and (by.has_own_rights or has_limits):
        raise EdgeError(Kind.FORBIDDEN, "This key has less than its user, which this needs: log in, or use another key")


def check_no_guest(by: Principal) -> None:
    """Raises `EdgeError` (forbidden) for a guest: a key pair would keep the rights of its maker, also those that the
    maker loses."""
    if by.is_guest:
        raise EdgeError(Kind.FORBIDDEN, "Users and programs of tenants make no key pairs here: use keys of the tenant")


def registration_is_off() -> EdgeError:
    """The error where users do not register themselves."""
    text = "Users do not register themselves here: ask the operator of this installation"
    return EdgeError(Kind.FORBIDDEN, text, code="registration_off")
