"""The filters and the order of a list request: what they ask of a row, and how rows are arranged by them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.kit.listing.fields import EXACT, Column, Field, Test
from chalicelib.kit.listing.request import Filters, FilterValue, Order
from chalicelib.kit.tables import Item, Value

INSERTED_AT = "inserted_at"

TIE_BREAK = "id"
"""The attribute that decides between equal rows. It is unique within a table; a row without it is sorted by the other
terms alone."""

_SEPARATOR = "__"

Fields = Mapping[str, Field]
"""Fields by public name. A name contains no double underscore."""


@dataclass(frozen=True)
class Filter:
    """One given parameter: its ``name`` and ``operator``, its field, its value and its test of a row."""

    name: str
    operator: str
    field: Field
    wanted: FilterValue
    test: Test


def compile_filters(fields: Fields, filters: Filters, now: datetime | None) -> tuple[Filter, ...]:
    """The filters that were given, without those whose value is an empty text.

    Raises KeyError for a parameter that the fields do not have and ValueError for a value of the wrong form: the API's
    models let neither through.
    """
    return tuple(_compile(fields, parameter, wanted, now) for parameter, wanted in filters.items() if wanted != "")


def _compile(fields: Fields, parameter: str, wanted: FilterValue, now: datetime | None) -> Filter:
    name, _, operator = parameter.partition(_SEPARATOR)
    field = fields[name]
    if operator not in field.operators:
        raise KeyError(f"no filter {parameter}")
    return Filter(name, operator, field, wanted, field.test(operator, wanted, now))


def passes(filters: Iterable[Filter], item: Item) -> bool:
    """Whether the row passes all of them."""
    return all(one.test(item) for one in filters)


def matches(fields: Fields, filters: Filters, item: Item, now: datetime | None = None) -> bool:
    """Whether a row matches all filters. ``now`` is for `Custom` fields only."""
    return passes(compile_filters(fields, filters, now), item)


def filter_names(fields: Fields) -> frozenset[str]:
    """The names of all filter parameters of the fields."""
    return frozenset(
        name if operator == EXACT else f"{name}{_SEPARATOR}{operator}"
        for name, field in fields.items()
        for operator in field.operators
    )


def arrange(items: list[Item], order: Order, fields: Fields) -> None:
    """Sort in place. Rows without a value come last in ascending and first in descending order; ties are broken by id
    in the direction of the last term, so that the same rows give the same pages."""
    _sort_by(items, lambda item: item.get(TIE_BREAK), descending=order[-1][1])
    for name, descending in reversed(order):
        _sort_by(items, column(fields, name).value, descending=descending)


def column(fields: Fields, name: str) -> Column:
    """The field as one that has a value. Raises KeyError for a name that cannot be sorted by."""
    field = fields[name]
    if not isinstance(field, Column):
        raise KeyError(f"no order by {name}")
    return field


def _sort_by(items: list[Item], value_of: Callable[[Item], Value], *, descending: bool) -> None:
    def key(item: Item) -> tuple[bool, Any]:
        value = value_of(item)
        return value is None, value

    items.sort(key=key, reverse=descending)
