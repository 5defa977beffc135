"""The hours and days that figures are kept for, in UTC. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from chalicelib.machines.analytics.model import Interval, Span

LENGTHS = {Interval.HOUR: timedelta(hours=1), Interval.DAY: timedelta(days=1)}
_TEXTS = {Interval.HOUR: "%Y-%m-%dT%H", Interval.DAY: "%Y-%m-%d"}


def period_key(interval: Interval, moment: datetime) -> str:
    """``hour#2026-11-29T01``: the key of the period that a moment is in. Keys of one interval sort by time."""
    return f"{interval}#{start_of(interval, moment).strftime(_TEXTS[interval])}"


def start_of(interval: Interval, moment: datetime) -> datetime:
    """The beginning of the period that a moment is in."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if interval is Interval.HOUR else hour.replace(hour=0)


def widened(interval: Interval, span: Span) -> Span:
    """The whole periods that a span touches."""
    start, end = start_of(interval, span.start), start_of(interval, span.end)
    return Span(start, end if end == span.end else end + LENGTHS[interval])


def periods_of(interval: Interval, span: Span) -> Iterator[Span]:
    """The periods of a span that is `widened`, in order."""
    start = span.start
    while start < span.end:
        yield Span(start, start + LENGTHS[interval])
        start += LENGTHS[interval]


def start_in(key: str) -> datetime:
    """The beginning of the period with this key (`period_key`)."""
    name, _, text = key.partition("#")
    return datetime.strptime(text, _TEXTS[Interval(name)]).replace(tzinfo=UTC)
