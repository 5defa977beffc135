"""Time as a dependency that is passed in. No other module reads the machine's clock.

Stored times are UTC, whole seconds, ``YYYY-MM-DDTHH:MM:SSZ``; the same text compares as the time does.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

_OFFSET_LENGTH = len("+00:00")


class Clock(Protocol):
    """The source of time. Tests pass a clock that they move by hand."""

    def now(self) -> datetime:
        """The current time, UTC, microseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block for this long. Only retry loops may call it."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def to_seconds_text(moment: datetime) -> str:
    """``2026-11-21T10:00:00Z``: the form of every resource timestamp. Drops the fraction."""
    return _in_utc(moment).isoformat(timespec="seconds")[:-_OFFSET_LENGTH] + "Z"


def to_microseconds_text(moment: datetime) -> str:
    """``2026-11-21T10:00:00.123456Z``: the form of ``meta.timestamp``, event times and ``changed_by.at``."""
    return _in_utc(moment).isoformat(timespec="microseconds")[:-_OFFSET_LENGTH] + "Z"


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def parse_time(text: str) -> datetime:
    """Read either form back, as aware UTC. Raises ValueError for text without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset")
    return _in_utc(moment)


def sooner(one: str | None, other: str | None) -> str | None:
    """The earlier of two times in the same form; None means never."""
    return min((time for time in (one, other) if time is not None), default=None)


def milliseconds_between(start: datetime, end: datetime) -> float:
    """The milliseconds from start to end, rounded to two decimals."""
    return round((end - start).total_seconds() * 1000, 2)
