"""Periods, and bills of intervals. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.platform.billing.model import NANOS, Bill, Interval, Part, Period

LONGEST = timedelta(days=400)
"""The longest period that one question is about: a year, with some days on both sides."""

USUAL = timedelta(days=30)
"""The period of a question that names none: until now."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_HOUR = 3600
_MICRO = Decimal("0.000001")


def period_of(start: datetime | None, end: datetime | None, now: datetime) -> Period:
    """The period of a question: its own times, or the last thirty days. Raises `EdgeError` (bad request) for one that
    ends before it begins, or is too long."""
    until = _whole(end or now)
    begin = _whole(start) if start is not None else until - min(USUAL, until - _EARLIEST)
    if begin >= until:
        raise bad_request({"start": ["has to be before the end"]})
    if until - begin > LONGEST:
        raise bad_request({"start": [f"is more than {LONGEST.days} days before the end"]})
    return Period(begin, until)


def month_of(now: datetime) -> Period:
    """The calendar month, in UTC."""
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Period(start, (start + timedelta(days=32)).replace(day=1))


def parts_of(intervals: Iterable[Interval], period: Period, until: datetime) -> Iterator[Part]:
    """The charged parts of intervals that lie in a period, up to ``until``: where one that goes on ends."""
    last = min(period.end, _whole(until))
    for interval in intervals:
        start = max(parse_time(interval.starts_at), period.start)
        end = last if interval.ends_at is None else min(parse_time(interval.ends_at), last)
        if interval.charged is not None and start < end:
            yield Part(interval, interval.charged, start, end)


def bill_of(parts: Iterable[Part], period: Period) -> Bill:
    """Whole numbers are added, and each type is rounded once, to a millionth of a dollar: the order of parts does not
    matter, and the total is the sum of what is shown."""
    costs: dict[str, int] = {}
    amounts: dict[str, int] = {}
    for part in parts:
        name = part.charged.type
        costs[name] = costs.get(name, 0) + part.nano_seconds
        amounts[name] = amounts.get(name, 0) + part.unit_seconds
    return Bill(
        period,
        {name: dollars(cost) for name, cost in sorted(costs.items())},
        {name: hours(amount) for name, amount in sorted(amounts.items())},
    )


def dollars(nano_seconds: int) -> Decimal:
    """A cost in dollars, to a millionth."""
    return _rounded(Decimal(nano_seconds) / (_HOUR * NANOS))


def hours(unit_seconds: int) -> Decimal:
    """Seconds of units as hours, to a millionth."""
    return _rounded(Decimal(unit_seconds) / _HOUR)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_MICRO, ROUND_HALF_EVEN)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def too_many(most: int) -> EdgeError:
    """The refusal of a bill over more intervals than one answer can add up."""
    return bad_request({"start": [f"more than {most} intervals have ended since, or go on: ask for a later start"]})
