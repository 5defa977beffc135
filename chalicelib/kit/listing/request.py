"""The request for one page of a list, and its answer."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chalicelib.kit.errors import bad_request

T = TypeVar("T")
S = TypeVar("S")

FilterValue = str | int | bool
"""The value of one filter parameter. Dates are text: ``2026-11-21``, or a date-time with an offset."""

Filters = Mapping[str, FilterValue]
"""Parameter name (``status``, ``inserted_at__gte``) -> value. All must hold; an empty text is ignored."""

Order = tuple[tuple[str, bool], ...]
"""Field name and whether it descends, the most significant first."""

NEWEST_FIRST: Order = (("inserted_at", True),)
OLDEST_FIRST: Order = (("inserted_at", False),)

_DESCENDING = "desc"
_DIRECTIONS = ("asc", _DESCENDING)


@dataclass(frozen=True)
class ListRequest:
    """One page of a list. ``page`` counts from 1; ``skip`` is the number of rows before the page, where that does not
    follow from its number. A ``cursor`` leads to a page instead of its number; an empty one to the first."""

    page: int = 1
    page_size: int = 20
    order: Order = NEWEST_FIRST
    filters: Filters = field(default_factory=dict)
    cursor: str | None = None
    skip: int | None = None

    @property
    def offset(self) -> int:
        """The number of rows before this page."""
        return (self.page - 1) * self.page_size if self.skip is None else self.skip


@dataclass(frozen=True)
class ListPage(Generic[T]):
    """``total_count`` is never less than what this page shows; the package's docstring says when it is exact. A page
    ``by_cursor`` has neither a number nor a total (0); ``next_cursor`` leads to the next, None at the end.
    ``indexing``: an index that will serve the list is not complete yet, so the page cost more than it will."""

    items: list[T]
    page: int
    page_size: int
    total_count: int
    by_cursor: bool = False
    next_cursor: str | None = None
    indexing: bool = False

    def map(self, view: Callable[[T], S]) -> "ListPage[S]":
        """The same page with each item seen through ``view``."""
        return self.showing([view(item) for item in self.items])

    def showing(self, items: list[S]) -> "ListPage[S]":
        """The same page with these items instead."""
        return ListPage(
            items, self.page, self.page_size, self.total_count, self.by_cursor, self.next_cursor, self.indexing
        )


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


def parse_sort(sort: str, sortable: Collection[str], default: Order = NEWEST_FIRST) -> Order:
    """The order from ``[-]field(,[-]field)*``, where a minus means descending; a repeated name counts once. Empty: the
    default. Raises `EdgeError` (bad request) for a name that cannot be sorted by."""
    terms = [part.strip() for part in sort.split(",")]
    _check("sort", [term.removeprefix("-") for term in terms], sortable)
    order: dict[str, bool] = {}
    for term in filter(None, terms):
        order.setdefault(term.removeprefix("-"), term.startswith("-"))
    return tuple(order.items()) or default


def _check(parameter: str, given: Iterable[str], allowed: Collection[str]) -> None:
    for part in given:
        if part and part not in allowed:
            raise bad_request({parameter: [f"Invalid value: {part}. Allowed: {', '.join(sorted(allowed))}"]})
