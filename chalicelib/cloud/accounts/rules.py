"""The rules of passwords, and of tries to log in. Pure."""

import math
import string
from datetime import datetime, timedelta

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid, unauthorized

LEAST_BITS = 50
SHORTEST, LONGEST = 8, 72

_POOLS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_SYMBOLS = 33
"""Printable ASCII that is neither letter nor digit."""

_RUNS = ("0123456789", string.ascii_lowercase, "qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Runs of keys and letters: of each that is longer than two, in either direction, two characters count."""

FREE_TRIES = 5
LONGEST_DELAY = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(days=1)

MOST_KNOWN_ADDRESSES = 5

TRIES_PER_MINUTE = 5
"""Tries of one address with one account, and requests of one address to each of these operations."""


def bits_of(password: str) -> float:
    """The bits that have to be guessed: the length, without repeats and runs, times the bits of one character of the
    kinds that occur."""
    pool = sum(len(kind) for kind in _POOLS if any(character in kind for character in password))
    if any(character not in "".join(_POOLS) for character in password):
        pool += _SYMBOLS
    return _counted(password) * math.log2(pool) if pool else 0.0


def _counted(password: str) -> int:
    """Characters that are neither the third of a repeat, nor the third of a run."""
    lowered = password.lower()
    return sum(not _goes_on(lowered[max(0, at - 2) : at + 1]) for at in range(len(lowered)))


def _goes_on(three: str) -> bool:
    whole = 3
    if len(three) < whole:
        return False
    return len(set(three)) == 1 or any(three in run or three in run[::-1] for run in _RUNS)


def check_password(password: str, field: str = "password") -> None:
    """Raises `EdgeError` (validation failed) for a password of another length, or one that is easily guessed."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise invalid(field, f"has to have {SHORTEST} to {LONGEST} characters")
    if bits_of(password) < LEAST_BITS:
        raise invalid(field, "is easily guessed: make it longer, or mix letters, digits and symbols")


def next_try_after(failures: int) -> timedelta:
    """How long an account takes no try from an address that it does not know, after so many failures. It grows, and
    has an end: an owner elsewhere waits no longer than that."""
    if failures < FREE_TRIES:
        return timedelta()
    doublings = min(failures - FREE_TRIES, LONGEST_DELAY.seconds)
    return min(timedelta(seconds=2**doublings), LONGEST_DELAY)


def seconds_to_wait(open_at: str, now: datetime) -> int:
    """Whole seconds until that time (seconds text), 0 if it has come."""
    if open_at <= to_seconds_text(now):
        return 0
    return math.ceil((datetime.fromisoformat(open_at) - now).total_seconds())


def address_taken() -> EdgeError:
    """The error for an address that belongs to a user."""
    return conflict("There is a user with this address already: log in, or ask for another password")


def wrong_login() -> EdgeError:
    """The one error for an account that is unknown, and for a wrong password."""
    error = unauthorized()
    return EdgeError(error.kind, "Wrong email or password", code="unauthorized")


def registration_closed() -> EdgeError:
    """The error where registration is closed."""
    return EdgeError(Kind.FORBIDDEN, "Registration is closed here: ask the operator", code="registration_closed")


def invitation_needed() -> EdgeError:
    """The error where only those who are invited can register, for an invitation that is missing, for another address,
    or cannot be used: one error for all."""
    text = "Registering needs the token of an invitation for this address"
    return EdgeError(Kind.FORBIDDEN, text, code="invitation_needed")


def has_too_many_tenants() -> EdgeError:
    """The error for a user who has more tenants than can be left at once, from before there was a limit."""
    return EdgeError(Kind.CONFLICT, "You have too many tenants to leave all at once: delete or leave one first")


def owns_more(name: str) -> EdgeError:
    """The error for a user who cannot be deleted, since a tenant of its own cannot."""
    return EdgeError(Kind.CONFLICT, f"You own the tenant {name}, which has other members or things: see to it first")
