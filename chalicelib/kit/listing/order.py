"""Parses the order of a list from its parameters, and sorts rows by it."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from chalicelib.kit.errors import bad_request
from chalicelib.kit.listing.fields import Column
from chalicelib.kit.listing.filters import Fields
from chalicelib.kit.listing.request import NEWEST_FIRST, Order
from chalicelib.kit.tables import Item, Value

TIE_BREAK = "id"
"""The attribute that decides between equal rows. It is unique within a table; a row without it is sorted by the other
terms alone."""

_DESCENDING = "desc"
_DIRECTIONS = ("asc", _DESCENDING)


def parse_order(
    order_by: str | None, order_directions: str | None, sortable: Collection[str], default: Order = NEWEST_FIRST
) -> Order:
    """The order from two comma lists. Directions belong to names by position; a missing one means ``asc``. A repeated
    name counts once. Without names, the default. Raises `EdgeError` (bad request) for a name that cannot be sorted by,
    and for another direction.
    """
    directions = [part.strip() for part in (order_directions or "").split(",")]
    _check("order_directions", directions, _DIRECTIONS)
    names = [part.strip() for part in (order_by or "").split(",")]
    _check("order_by", names, sortable)
    order: dict[str, bool] = {}
    for index, name in enumerate(names):
        if name and name not in order:
            order[name] = index < len(directions) and directions[index] == _DESCENDING
    return tuple(order.items()) or default


def _check(parameter: str, given: Iterable[str], allowed: Collection[str]) -> None:
    for part in given:
        if part and part not in allowed:
            raise bad_request({parameter: [f"Invalid value: {part}. Allowed: {', '.join(sorted(allowed))}"]})


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
