"""The times of a schedule. Pure.

Cron expressions have five fields and Debian's meaning (cron(8)), as `cronsim` has it: a job at a certain hour that a
change of clocks skips runs at the first minute that there is, and one in an hour that comes twice runs once, the first
time. A job of every hour or every some minutes follows the time that passes. No time comes twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from chalicelib.fleet.schedules.model import Timing
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import BLANK, invalid

ONE_OF_BOTH = "give either once_at or cron, and not both"
IN_THE_PAST = "must be in the future"
FIVE_FIELDS = "needs five fields: minute, hour, day of month, month, day of week"
NEVER = "never comes"
LONGEST_CRON = 200
"""Characters of an expression: a list of all minutes fits."""


def check(timing: Timing, now: datetime) -> None:
    """Raises `EdgeError` (validation failed) for an invalid timing, or one without a time to come."""
    if (timing.once_at is None) == (timing.cron is None):
        raise invalid("once_at", ONE_OF_BOTH)
    _zone(timing)
    if timing.cron is None:
        if timing.once_at is not None and timing.once_at <= to_seconds_text(now):
            raise invalid("once_at", IN_THE_PAST)
        return
    if not timing.cron.strip():
        raise invalid("cron", BLANK)
    if len(timing.cron) > LONGEST_CRON or len(timing.cron.split()) != _FIELDS:
        raise invalid("cron", FIVE_FIELDS)
    try:
        is_ever = next(following(timing, now), None) is not None
    except CronSimError as error:
        raise invalid("cron", f"{str(error).lower()} in {timing.cron!r}") from None
    if not is_ever:
        raise invalid("cron", NEVER)


def following(timing: Timing, after: datetime) -> Iterator[str]:
    """The times after a moment, in order, as seconds text in UTC; without end for most expressions."""
    if timing.cron is None:
        if timing.once_at is not None and timing.once_at > to_seconds_text(after):
            yield timing.once_at
        return
    last = to_seconds_text(after)
    for moment in CronSim(timing.cron, after.astimezone(_zone(timing))):
        text = to_seconds_text(moment.astimezone(UTC))
        if text > last:  # several times of a skipped hour are one
            yield text
            last = text


def next_after(timing: Timing, after: datetime) -> str | None:
    return next(following(timing, after), None)


def next_times(timing: Timing, first: str | None, count: int) -> list[str]:
    """``first`` and the times behind it, at most so many."""
    if first is None:
        return []
    return [first, *islice(following(timing, parse_time(first)), count - 1)]


@dataclass(frozen=True)
class Due:
    """The times of a schedule that have come: ``newest`` is to run. The ``missed`` ones before it, from ``first`` on,
    are not: an hourly job five times at once helps no machine. ``next_at`` is the first that has not come."""

    newest: str
    first: str
    last_missed: str | None
    missed: int
    next_at: str | None


def due(timing: Timing, first: str, now: datetime) -> Due:
    """``first`` is a time that has come. It looks at each since then: 70,000 in a second."""
    newest, before, missed, text = first, None, 0, to_seconds_text(now)
    for moment in following(timing, parse_time(first)):
        if moment > text:
            return Due(newest, first, before, missed, moment)
        newest, before, missed = moment, newest, missed + 1
    return Due(newest, first, before, missed, None)


_FIELDS = 5


def _zone(timing: Timing) -> ZoneInfo:
    """Raises `EdgeError` (validation failed) for an unknown name."""
    try:
        return ZoneInfo(timing.timezone)
    except (KeyError, ValueError, OSError):
        raise invalid("timezone", f"{timing.timezone!r} is not a time zone, such as Europe/Berlin or UTC") from None
