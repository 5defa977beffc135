"""The kinds of list fields: each defines how a field is read from a row, filtered and sorted.

A row without the field matches no filter, except `Presence` (which tests for it), `Flag` (absent counts as false) and
`Custom` (which decides itself).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from chalicelib.kit.ids import normalise_uuid
from chalicelib.kit.listing.moments import lower_bound, upper_bound
from chalicelib.kit.listing.request import FilterValue
from chalicelib.kit.listing.texts import exact_values, text_test
from chalicelib.kit.tables import Item, Value

Test = Callable[[Item], bool]

EXACT, AT_LEAST, AT_MOST = "", "gte", "lte"
"""Operators: what follows the field's name in a parameter, after two underscores."""


class Field(ABC):
    """A public name of a list. Parameters are ``name`` and, for ranges, ``name__gte`` and ``name__lte``."""

    operators: ClassVar[tuple[str, ...]] = (EXACT,)
    enriched: bool = False

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


@dataclass(frozen=True)
class Column(Field):
    """A field with one value, by which lists can be sorted. The value is the row's ``attribute``, or the result of
    ``read`` on the attributes ``reads``. ``enriched``: the row does not contain it; the caller's ``enrich`` sets it.
    """

    attribute: str
    read: Callable[[Item], Value] | None = field(default=None, kw_only=True)
    reads: tuple[str, ...] = field(default=(), kw_only=True)
    enriched: bool = field(default=False, kw_only=True)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.reads or (self.attribute,))

    def value(self, item: Item) -> Value:
        """The field's value; None when the row has none."""
        return item.get(self.attribute) if self.read is None else self.read(item)


class Text(Column):
    """Text with the grammar of `texts`."""

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del operator, now
        fits = text_test(str(wanted))

        def holds(item: Item) -> bool:
            value = self.value(item)
            return isinstance(value, str) and fits(value)

        return holds

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        return exact_values(str(wanted))


class Choice(Column):
    """One of a few fixed texts, compared exactly; no lists, no patterns."""

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del operator, now
        return lambda item: self.value(item) == wanted

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

    operators = (EXACT, AT_LEAST, AT_MOST)

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
    """A stored time (`kit.clock.to_seconds_text`): at least, at most."""

    operators = (AT_LEAST, AT_MOST)

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


class Presence(Field):
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
