"""When a resource is looked at again. Pure: the spread of the pauses follows from the resource, not from chance."""

import zlib
from datetime import datetime, timedelta

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.platform.provisioning.model import Resource
from chalicelib.platform.provisioning.ports import Kind

EARLY = timedelta(seconds=1)
"""A message may arrive this much early: times of rows are whole seconds, and clocks differ."""

LEASE = timedelta(seconds=120)
"""How long no other worker touches a resource whose provider is being asked: twice the timeout of the worker."""

_MOST_DOUBLINGS = 16
_REST_SPREAD = 0.1


def is_due(resource: Resource, now: datetime) -> bool:
    """Whether a worker may look at it now."""
    return resource.due_at is not None and resource.due_at <= to_seconds_text(now + EARLY)


def again(resource: Resource, kind: Kind, now: datetime, after_seconds: float | None = None) -> datetime:
    """After so many attempts: a pause that doubles up to the kind's longest, of which one half is spread. Never before
    ``after_seconds``."""
    pause = kind.wait_seconds * 2 ** min(max(resource.attempts - 1, 0), _MOST_DOUBLINGS)
    spread = min(pause, kind.longest_wait_seconds) * (0.5 + 0.5 * _fraction(resource))
    return now + timedelta(seconds=max(1.0, spread, after_seconds or 0.0))


def at_rest(resource: Resource, kind: Kind, now: datetime) -> datetime:
    """The next look at one that needs no work. A tenth of the pause is spread, so that things that were made together
    are not looked at together for ever."""
    return now + kind.look_every * (1 - _REST_SPREAD / 2 + _REST_SPREAD * _fraction(resource))


def appeared(resource: Resource, kind: Kind) -> datetime | None:
    """When a thing that was asked for and has not been seen was certainly not made; None if nothing was asked for."""
    return None if resource.asked_at is None else parse_time(resource.asked_at) + kind.appears_within


def may_appear(resource: Resource, kind: Kind, now: datetime) -> bool:
    """Whether a thing that is not shown may still be shown."""
    by = appeared(resource, kind)
    return by is not None and now < by


def soon(kind: Kind, now: datetime) -> datetime:
    """The look at one whose provider has refused a call: the thing may have changed in another way than wanted."""
    return now + timedelta(seconds=kind.longest_wait_seconds)


def after_failure(resource: Resource, kind: Kind, now: datetime) -> datetime | None:
    """The look at one that has just failed: soon; for one that was never seen, when it is certain whether it was made.
    None if nothing was made."""
    if resource.asked_at is None:
        return None
    by = appeared(resource, kind)
    return soon(kind, now) if resource.is_seen or by is None else max(soon(kind, now), by)


def _fraction(resource: Resource) -> float:
    """In [0, 1): another one for each attempt and each look at a resource."""
    text = f"{resource.id}#{resource.generation}#{resource.attempts}#{resource.version}"
    return zlib.crc32(text.encode()) / 2**32
