"""Query strings of lists: paging, order and filters, checked here and handed on as a `ListRequest`.

A filter that is absent is None. An explicit null, which only a JSON body can hold, is refused: the same types serve the
filters of targeting, where a filter that silently vanished would widen what a command runs on.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from chalicelib.kit.errors import bad_request, invalid
from chalicelib.kit.fields import about
from chalicelib.kit.listing import NEWEST_FIRST, FilterValue, ListRequest, Order, parse_order, parse_sort
from chalicelib.kit.listing.fields import lower_bound
from chalicelib.web.problems import problems, wrong_type
from chalicelib.web.spellings import spellings_of
from chalicelib.web.validation import A_DATE_TIME, INT32_MAX, Boolean, Int32, NotNull, OneOf, Query, Uuid, lost_plus

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100

E = TypeVar("E", bound=StrEnum)

_DATE_PROBLEM = f"Invalid format. Expected a date, 2026-11-21, or {A_DATE_TIME}"


def _read_date(value: object) -> str:
    if not isinstance(value, str):
        raise problems(wrong_type("string", value))
    try:
        lower_bound(value)
    except ValueError as error:
        raise problems(f"{_DATE_PROBLEM}{lost_plus(value)}") from error
    return value


TextFilter = Annotated[str | None, NotNull("string"), WithJsonSchema({"type": "string"})]
"""Text with the grammar of `kit.listing.Text`; empty: no filter."""

EnumFilter = Annotated[OneOf[E] | None, NotNull("string")]
"""One of the values of a ``StrEnum``."""

UuidFilter = Annotated[Uuid | None, NotNull("string"), WithJsonSchema({"type": "string", "format": "uuid"})]

BoolFilter = Annotated[Boolean | None, NotNull("boolean"), WithJsonSchema({"type": "boolean"})]

CountFilter = Annotated[
    Annotated[Int32, Ge(0)] | None,
    NotNull("integer"),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": INT32_MAX}),
]
"""An integer from 0."""

PositiveFilter = Annotated[
    Annotated[Int32, Ge(1)] | None,
    NotNull("integer"),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": INT32_MAX}),
]
"""An integer from 1."""

DateFilter = Annotated[
    str | None,
    BeforeValidator(_read_date),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}),
]
"""A date-time with an offset, or a date: its first second for a lower bound, its last for an upper one. Stays text."""

OrderBy = Annotated[str | None, NotNull("string"), WithJsonSchema({"type": "string"})]

CursorText = Annotated[str | None, NotNull("string"), WithJsonSchema({"type": "string"})]

SortTerms = Annotated[str | None, NotNull("string"), WithJsonSchema({"type": "string"})]

OrderDirections = Annotated[str | None, NotNull("string"), WithJsonSchema({"type": "string"})]


def matching(what: str) -> Any:
    """Describes a `TextFilter` of ``what``."""
    return about(
        f"Matches {what}: exact text, or `*` for any characters (case is then ignored), or alternatives separated by "
        "commas."
    )


def whether(what: str, otherwise: str) -> Any:
    """Describes a `BoolFilter`: the items that true and that false keep."""
    return about(f"`true`: only {what}; `false`: only {otherwise}.")


def at_least(what: str) -> Any:
    """Describes the lower bound of a number, which is ``what``."""
    return about(f"Lowest {what}.")


def at_most(what: str) -> Any:
    """Describes the upper bound of a number, which is ``what``."""
    return about(f"Highest {what}.")


def since(what: str) -> Any:
    """Describes a `DateFilter` that is a lower bound; ``what`` begins the sentence: "Created"."""
    return about(f"{what} at this time or later. A date means its first second in UTC.")


def until(what: str) -> Any:
    """Describes a `DateFilter` that is an upper bound, as `since`."""
    return about(f"{what} at this time or earlier. A date means its last second in UTC.")


def ordering(sortable: Collection[str], default: str = "newest first") -> Any:
    """Describes the ``order_by`` of a list that can be sorted by these fields."""
    names = ", ".join(f"`{name}`" for name in sorted(sortable))
    return about(f"Fields to sort by, separated by commas, out of {names}. Default: {default}.")


TWO_ORDERS = "says the same as order_by and order_directions: give one or the other"
"""The refusal of `sort` beside them."""

PAGE_ITEMS = about("Items on a page, at most.")

PAGING = frozenset({"page", "page_size", "order_by", "order_directions", "sort", "cursor"})
"""The parameters of lists beside their filters."""


class PageQuery(Query):
    """The query parameters of any list: a page and an order. Every further field of a subclass is a filter."""

    page: Annotated[Int32, Ge(1), about("Number of the page. A page after the last one is empty.")] = 1
    page_size: Annotated[Int32, Ge(1), Le(PAGE_SIZE_MAX), PAGE_ITEMS] = PAGE_SIZE
    order_by: OrderBy = None
    order_directions: Annotated[
        OrderDirections,
        about("`asc` or `desc` for each field of `order_by`, separated by commas; the default is `asc`."),
    ] = None
    sort: Annotated[
        SortTerms,
        about(
            "The order in one parameter: fields of `order_by`, separated by commas, each with a `-` before it to "
            "descend. Refused with 422 beside `order_by` or `order_directions`."
        ),
    ] = None

    def to_request(self, sortable: Collection[str], default: Order = NEWEST_FIRST) -> ListRequest:
        """The request, with the filters that were given. Raises `EdgeError` (bad request) for an order by a field that
        is not ``sortable``, (validation failed) for an order that is given in both ways."""
        given: Mapping[str, FilterValue | None] = self.__dict__  # its fields, as they are
        return ListRequest(
            page=self.page,
            page_size=self.page_size,
            order=self._order(sortable, default),
            filters={
                name: value for name, value in given.items() if name not in PAGING and value is not None and value != ""
            },
        )

    def _order(self, sortable: Collection[str], default: Order) -> Order:
        if not (self.order_by or self.order_directions or self.sort):
            return default
        spelled = {
            later.partition("__")[0]: name.partition("__")[0] for later, name in spellings_of(type(self)).items()
        }
        names = {*sortable, *(later for later, name in spelled.items() if name in sortable)}
        if not self.sort:
            order = parse_order(self.order_by, self.order_directions, names, default)
        elif self.order_by or self.order_directions:
            raise invalid("sort", TWO_ORDERS)
        else:
            order = parse_sort(self.sort, names, default)
        return tuple((spelled.get(name, name), descending) for name, descending in order)


class TimeFilters(BaseModel):
    """The filters of any list by when rows were inserted and last changed."""

    inserted_at__gte: Annotated[DateFilter, since("Created")] = None
    inserted_at__lte: Annotated[DateFilter, until("Created")] = None
    updated_at__gte: Annotated[DateFilter, since("Last changed")] = None
    updated_at__lte: Annotated[DateFilter, until("Last changed")] = None


class ListQuery(TimeFilters, PageQuery):
    """The query parameters of every list of the management API."""

    cursor: Annotated[
        CursorText,
        about(
            "For lists of any length: empty for the first page, then `next_cursor` of the page before, with the same "
            "filters. Such pages follow the default order, have no total, and may hold fewer items than `page_size` "
            "before the end."
        ),
    ] = None

    def to_request(self, sortable: Collection[str], default: Order = NEWEST_FIRST) -> ListRequest:
        """As of any list. Raises `EdgeError` (bad request) also for a cursor together with a page or an order."""
        if self.cursor is not None:
            given = {"page": self.page != 1, "order_by": self.order_by, "order_directions": self.order_directions}
            given["sort"] = self.sort
            text = "Not with a cursor: its pages follow each other in the default order"
            if wrong := {name: [text] for name, value in given.items() if value}:
                raise bad_request(wrong)
        return replace(super().to_request(sortable, default), cursor=self.cursor)
