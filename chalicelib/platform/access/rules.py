"""The rules of named keys. Pure."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import BLANK, EdgeError, Kind, conflict, invalid
from chalicelib.platform.access.model import USE_NOTED_EVERY, ApiKey, NewApiKey, PreviousHash
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.principal import Principal, PrincipalKind

ROLE_OR_PERMISSIONS = "give either a role or a list of permissions, and not both"

IN_THE_PAST = "must be in the future"

MOST_PREVIOUS = 5
"""Replaced secrets of one key that are accepted at a time."""


def check_new(wanted: NewApiKey, known: Mapping[str, Permission], now: datetime) -> None:
    """Raises `EdgeError` (validation failed) for the first field that breaks a rule. ``known`` holds all permissions by
    name."""
    check_name(wanted.name)
    if (wanted.role is None) == (not wanted.permissions):
        raise invalid("role", ROLE_OR_PERMISSIONS)
    unknown = [name for name in dict.fromkeys(wanted.permissions) if name not in known]
    if unknown:
        raise invalid("permissions", f"unknown: {', '.join(unknown)}. Allowed: {', '.join(sorted(known))}")
    check_expiry(wanted.expires_at, now)


def check_name(name: str) -> None:
    """Raises `EdgeError` (validation failed) for a name of blanks."""
    if not name.strip():
        raise invalid("name", BLANK)


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Raises `EdgeError` (validation failed) for a time that is not in the future."""
    if expires_at is not None and expires_at <= now:
        raise invalid("expires_at", IN_THE_PAST)


def check_grant(key: ApiKey, by: Principal, known: Mapping[str, Permission]) -> None:
    """Raises `EdgeError` (forbidden) unless the principal itself has all that the key has. ``known`` as in
    `check_new`."""
    beyond = list(_beyond(key, by, known))
    if beyond:
        raise EdgeError(Kind.FORBIDDEN, f"A key can only give what it has itself, which is not {'; '.join(beyond)}")


def _beyond(key: ApiKey, by: Principal, known: Mapping[str, Permission]) -> Iterator[str]:
    """The parts of the key that the principal lacks, in words."""
    if key.tenant != by.tenant:
        yield "another tenant"
    # A role may gain permissions with a later release, so no list of permissions stands for it.
    if key.role is not None and (by.role is None or not by.role.contains(key.role)):
        yield f"the role {key.role.value}"
    lacking = [name for name in key.permissions if not _has(by, name, known)]
    if lacking:
        yield f"the permissions {', '.join(lacking)}"
    for name, ids in by.restrictions.items():
        if not key.restrictions.get(name) or not ids.issuperset(key.restrictions[name]):
            yield f"a reach beyond its {name}"
    if key.outputs and not by.outputs:
        yield "reading outputs"
    limit = by.requests_per_minute
    if limit is not None and (key.requests_per_minute is None or key.requests_per_minute > limit):
        yield f"more than {limit} requests a minute"
    if by.expires_at is not None and (key.expires_at is None or key.expires_at > by.expires_at):
        yield f"a life beyond {by.expires_at}"


def _has(by: Principal, name: str, known: Mapping[str, Permission]) -> bool:
    return by.has(known[name]) if name in known else name in by.permissions


def check_usable(key: ApiKey, now: datetime) -> None:
    """Raises `EdgeError` (conflict) for a key that no request is accepted with."""
    if key.revoked_at is not None:
        raise conflict(f"the key was revoked at {key.revoked_at}")
    if is_expired(key, now):
        raise conflict(f"the key expired at {key.expires_at}: change its expiry first")


def is_expired(key: ApiKey, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= to_seconds_text(now)


def is_usable(key: ApiKey, now: datetime) -> bool:
    """Whether requests with the key are accepted now."""
    return key.revoked_at is None and not is_expired(key, now)


def accepted_hashes(key: ApiKey, now: datetime) -> list[str]:
    """The hashes of the secrets that are accepted now."""
    return [key.secret_hash, *(one.hash for one in still_accepted(key.previous, now))]


def still_accepted(previous: Collection[PreviousHash], now: datetime) -> tuple[PreviousHash, ...]:
    """Those whose time has not come."""
    return tuple(one for one in previous if to_seconds_text(now) < one.until)


def after_rotation(key: ApiKey, overlap_seconds: int, now: datetime) -> tuple[PreviousHash, ...]:
    """The replaced secrets that are accepted once the present one is replaced. Without an overlap all of them end at
    once, those of earlier rotations included. Raises `EdgeError` (conflict) for more than `MOST_PREVIOUS`."""
    if overlap_seconds == 0:
        return ()
    present = PreviousHash(hash=key.secret_hash, until=to_seconds_text(now + timedelta(seconds=overlap_seconds)))
    previous = (present, *still_accepted(key.previous, now))
    if len(previous) > MOST_PREVIOUS:
        until = min(one.until for one in previous)
        raise conflict(
            f"{MOST_PREVIOUS} earlier secrets of the key are still accepted, the first until {until}: "
            "rotate it again then, or end them all with overlap_seconds 0"
        )
    return previous


def principal_of(key: ApiKey) -> Principal:
    """The holder of the key, as a caller."""
    return Principal(
        kind=PrincipalKind.KEY,
        actor=f"key:{key.id}",
        id=key.id,
        name=key.name,
        user=key.user or "",
        tenant=key.tenant,
        role=key.role,
        permissions=frozenset(key.permissions),
        restrictions={name: frozenset(ids) for name, ids in key.restrictions.items()},
        outputs=key.outputs,
        requests_per_minute=key.requests_per_minute,
        expires_at=key.expires_at,
    )


def is_use_due(key: ApiKey, now: datetime) -> bool:
    """Whether the use of the key should be written down."""
    return key.last_used_at is None or key.last_used_at <= to_seconds_text(now - USE_NOTED_EVERY)
