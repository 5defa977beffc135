"""Time, injected. The only place that reads the machine's clock.

Stored times are UTC, whole seconds, ``YYYY-MM-DDTHH:MM:SSZ``; the same text compares as the time does.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the code may ask about time. Tests pass one that they move by hand."""

    def now(self) -> datetime:
        """The current time, UTC, microseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait. Only retry loops call it."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def to_seconds_text(moment: datetime) -> str:
    """``2026-11-21T10:00:00Z``: the form of every resource timestamp. Drops the fraction."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def to_microseconds_text(moment: datetime) -> str:
    """``2026-11-21T10:00:00.123456Z``: the form of ``meta.timestamp``, event times and ``changed_by.at``."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse_time(text: str) -> datetime:
    """Read either form back, as aware UTC. Raises ValueError for text without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset")
    return moment.astimezone(UTC)


def milliseconds_between(start: datetime, end: datetime) -> float:
    """How long it took, to a hundredth of a millisecond."""
    return round((end - start).total_seconds() * 1000, 2)
