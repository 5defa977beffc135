"""The kinds of list fields: each defines how a field is read from a row, filtered and sorted.

A row without the field matches no filter, except `IsSet` (which tests for it), `Flag` (absent counts as false) and
`Custom` (which decides itself).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.ids import normalise_uuid
from chalicelib.kit.listing.request import FilterValue
from chalicelib.kit.tables import Item, Value

Test = Callable[[Item], bool]

EXACT, ANY_OF, AT_LEAST, AT_MOST = "", "in", "gte", "lte"
"""Operators: what follows the field's name in a parameter, after two underscores."""

ALSO_IN = (EXACT, ANY_OF)
"""The operators of a field that is given exactly, or as a list of such values."""

_LIST = ","
_ANYTHING = "*"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)

_EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)
"""The smallest bound. Some platforms format years below 1000 with fewer than four digits; no row is that old."""

_LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class Field(ABC):
    """A public name of a list. Parameters are ``name``, for ranges ``name__gte`` and ``name__lte``, and for any of
    some values, separated by commas, ``name__in``."""

    kinds: ClassVar[tuple[str, ...]] = (EXACT,)
    """The operators that fields of this class usually have."""
    enriched: bool = False

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators of this field."""
        return self.kinds

    @property
    @abstractmethod
    def needs(self) -> frozenset[str]:
        """The attributes of a row that the field reads."""

    @abstractmethod
    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        """The test that ``wanted`` describes. Raises ValueError for a value of the wrong form."""

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        """The only values that can match, from which partitions follow; None if they are not known."""
        del wanted
        return None

    def values(self, operator: str, wanted: FilterValue) -> tuple[str, ...] | None:
        """As `exact`, for a filter with any operator."""
        if operator == ANY_OF:
            return listed(str(wanted))
        return self.exact(wanted) if operator == EXACT else None


@dataclass(frozen=True)
class Column(Field):
    """A field with one value, by which lists can be sorted. The value is the row's ``attribute``, or the result of
    ``read`` on the attributes ``reads``. ``enriched``: the row does not contain it; the caller's ``enrich`` sets it.
    ``offers`` are its operators where they are others than usual.
    """

    attribute: str
    read: Callable[[Item], Value] | None = field(default=None, kw_only=True)
    reads: tuple[str, ...] = field(default=(), kw_only=True)
    enriched: bool = field(default=False, kw_only=True)
    offers: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def operators(self) -> tuple[str, ...]:
        return self.offers or self.kinds

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.reads or (self.attribute,))

    def value(self, item: Item) -> Value:
        """The field's value; None when the row has none."""
        return item.get(self.attribute) if self.read is None else self.read(item)


class Text(Column):
    """Text: ``a,b`` matches any of these or exactly ``a,b``, ``a*b`` is a pattern, anything else matches exactly.

    Inside a comma list a star means itself. Patterns ignore case; ``%`` and ``_`` mean themselves everywhere.
    """

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del now
        fits = frozenset(listed(str(wanted))).__contains__ if operator == ANY_OF else text_test(str(wanted))

        def holds(item: Item) -> bool:
            value = self.value(item)
            return isinstance(value, str) and fits(value)

        return holds

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        return exact_values(str(wanted))


class Choice(Column):
    """One of a few fixed texts, compared exactly; no lists, no patterns."""

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del now
        values = frozenset(listed(str(wanted)) if operator == ANY_OF else (wanted,))
        return lambda item: self.value(item) in values

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        return (str(wanted),)


class Uuid(Choice):
    """A UUID in any letter case."""

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        return super().test(operator, normalise_uuid(str(wanted)), now)

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        return (normalise_uuid(str(wanted)),)


class Flag(Column):
    """True or false; a row without it counts as false."""

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del operator, now
        return lambda item: (self.value(item) is True) == wanted


class Number(Column):
    """An integer: exact, at least, at most."""

    kinds = (EXACT, AT_LEAST, AT_MOST)

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del now
        number = int(wanted)

        def holds(item: Item) -> bool:
            value = self.value(item)
            if not isinstance(value, int):
                return False
            return value == number if operator == EXACT else _in_range(value, number, operator)

        return holds


class Moment(Column):
    """A stored time (`kit.clock.to_seconds_text`): at least, at most.

    A date alone stands for its start as a lower bound and for its end as an upper one. Rows drop the fraction of a
    second, so a lower bound is rounded up and an upper one down: comparing texts is then comparing times.
    """

    kinds = (AT_LEAST, AT_MOST)

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del now
        bound = self.bound(operator, wanted)

        def holds(item: Item) -> bool:
            value = self.value(item)
            return isinstance(value, str) and _in_range(value, bound, operator)

        return holds

    @staticmethod
    def bound(operator: str, wanted: FilterValue) -> str:
        """The whole second that the filter names."""
        return lower_bound(str(wanted)) if operator == AT_LEAST else upper_bound(str(wanted))


class IsSet(Field):
    """True for rows that have any of the attributes; with ``negated``, for the others."""

    def __init__(self, *attributes: str, negated: bool = False) -> None:
        self._attributes = attributes
        self._negated = negated

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self._attributes)

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del operator, now
        expected = wanted != self._negated
        return lambda item: any(item.get(name) is not None for name in self._attributes) == expected


@dataclass(frozen=True)
class Custom(Field):
    """A filter with its own test of (row, value, now). ``reads`` names every attribute that the test looks at."""

    reads: tuple[str, ...]
    decide: Callable[[Item, FilterValue, datetime], bool]

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.reads)

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del operator
        if now is None:
            raise ValueError("this filter needs the current time")
        return lambda item: self.decide(item, wanted, now)

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        return (str(wanted),)


def _in_range(value: str | int, bound: str | int, operator: str) -> bool:
    return value >= bound if operator == AT_LEAST else value <= bound  # type: ignore[operator]


def listed(wanted: str) -> tuple[str, ...]:
    """The parts of a comma list, without repeats."""
    return tuple(dict.fromkeys(part for part in (part.strip() for part in wanted.split(_LIST)) if part))


def exact_values(wanted: str) -> tuple[str, ...] | None:
    """The values that match exactly, without repeats; None if ``wanted`` is a pattern. A comma list gives its parts,
    since values used as keys contain no commas."""
    if _LIST in wanted:
        return listed(wanted)
    return None if _ANYTHING in wanted else (wanted,)


def text_test(wanted: str) -> Callable[[str], bool]:
    """The test that ``wanted`` stands for. Its time is linear in the text for any pattern."""
    values = exact_values(wanted)
    if values is not None:
        return frozenset({wanted, *values}).__contains__
    first, *middle, last = wanted.lower().split(_ANYTHING)
    parts = [part for part in middle if part]
    return lambda text: _fits(text.lower(), first, parts, last)


def _fits(text: str, first: str, parts: list[str], last: str) -> bool:
    """Whether ``text`` is first, the parts in this order with anything between, then last, none of them overlapping.

    The leftmost place of each part leaves the most room for the next, so one pass decides; a regular expression
    with several stars would try combinations.
    """
    end = len(text) - len(last)
    if not (text.startswith(first) and text.endswith(last) and len(first) <= end):
        return False
    at = len(first)
    for part in parts:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


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
