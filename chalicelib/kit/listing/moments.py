"""Converts the bounds of date filters to the whole seconds that rows store.

A date alone stands for its start as a lower bound and for its end as an upper one. Rows drop the fraction of a second,
so a lower bound is rounded up and an upper one down: the comparison of texts is then the comparison of times.
"""

import re
from datetime import UTC, date, datetime, time, timedelta

from chalicelib.kit.clock import parse_time, to_seconds_text

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)

_EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)
"""The smallest bound. Some platforms format years below 1000 with fewer than four digits; no row is that old."""

_LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def lower_bound(text: str) -> str:
    """The first second that is not before ``text``. Raises ValueError for text that is neither a date nor a
    date-time."""
    moment = _parse(text, time.min)
    if moment.microsecond:
        moment = moment.replace(microsecond=0)
        moment = moment + timedelta(seconds=1) if moment < _LATEST else moment
    return to_seconds_text(max(moment, _EARLIEST))


def upper_bound(text: str) -> str:
    """The last second that is not after ``text``. Raises ValueError for text that is neither a date nor a date-time."""
    return to_seconds_text(max(_parse(text, time.max), _EARLIEST))


def _parse(text: str, time_of_day: time) -> datetime:
    if _DATE.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time_of_day, tzinfo=UTC)
    if not _DATE_TIME.fullmatch(text):
        raise ValueError("neither a date nor a date-time with an offset")
    try:
        return parse_time(text.upper())
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999 in UTC") from error
