"""Query strings of lists: paging, order and filters, checked here and handed on as a `ListRequest`.

A filter that is absent is None. An explicit null, which only a JSON body can hold, is refused: the same types serve the
filters of targeting, where a filter that silently vanished would widen what a command runs on.
"""

from collections.abc import Callable, Collection
from typing import Annotated, TypeVar

from annotated_types import Ge, Le
from pydantic import BeforeValidator, WithJsonSchema

from chalicelib.api.problems import problems, wrong_type
from chalicelib.api.validation import DATE_TIME_PROBLEM, Boolean, Int32, Query, Uuid
from chalicelib.kit.listing import NEWEST_FIRST, FilterValue, ListRequest, Order, parse_order
from chalicelib.kit.listing.moments import lower_bound

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100

E = TypeVar("E", bound=str)

_DATE_PROBLEM = "Invalid format. Expected :date"
_NO_DATE_PROBLEM = "Failed to cast value using any of: Schema(type: :string), Schema(type: :string)"


def _not_null(expected: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if value is None:
            raise problems(wrong_type(expected, None))
        return value

    return check


def _read_date(value: object) -> str:
    if not isinstance(value, str):
        wrong = wrong_type("string", value)
        raise problems(_NO_DATE_PROBLEM, wrong, wrong)
    try:
        lower_bound(value)
    except ValueError as error:
        raise problems(_NO_DATE_PROBLEM, DATE_TIME_PROBLEM, _DATE_PROBLEM) from error
    return value


TextFilter = Annotated[str | None, BeforeValidator(_not_null("string")), WithJsonSchema({"type": "string"})]
"""Text with the grammar of `kit.listing.texts`; empty: no filter."""

EnumFilter = Annotated[E | None, BeforeValidator(_not_null("string"))]
"""One of the texts of a ``Literal`` or ``StrEnum``."""

UuidFilter = Annotated[
    Uuid | None, BeforeValidator(_not_null("string")), WithJsonSchema({"type": "string", "format": "uuid"})
]

BoolFilter = Annotated[Boolean | None, BeforeValidator(_not_null("boolean")), WithJsonSchema({"type": "boolean"})]

CountFilter = Annotated[
    Annotated[Int32, Ge(0)] | None,
    BeforeValidator(_not_null("integer")),
    WithJsonSchema({"type": "integer", "minimum": 0}),
]
"""An integer from 0."""

PositiveFilter = Annotated[
    Annotated[Int32, Ge(1)] | None,
    BeforeValidator(_not_null("integer")),
    WithJsonSchema({"type": "integer", "minimum": 1}),
]
"""An integer from 1."""

DateFilter = Annotated[
    str | None,
    BeforeValidator(_read_date),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}),
]
"""A date-time with an offset, or a date: its first second for a lower bound, its last for an upper one. Stays text."""

_PAGING = frozenset({"page", "page_size", "order_by", "order_directions"})


class PageQuery(Query):
    """What any list takes: a page and an order. Every further field of a subclass is a filter."""

    page: Annotated[Int32, Ge(1)] = 1
    page_size: Annotated[Int32, Ge(1), Le(PAGE_SIZE_MAX)] = PAGE_SIZE
    order_by: TextFilter = None
    order_directions: TextFilter = None

    def to_request(self, sortable: Collection[str], default: Order = NEWEST_FIRST) -> ListRequest:
        """The request, its order limited to the ``sortable`` fields, its filters to those that were given."""
        given: dict[str, FilterValue] = self.model_dump(exclude=set(_PAGING), exclude_none=True)
        return ListRequest(
            page=self.page,
            page_size=self.page_size,
            order=parse_order(self.order_by, self.order_directions, sortable, default),
            filters={name: value for name, value in given.items() if value != ""},
        )


class ListQuery(PageQuery):
    """What every list of the management API takes."""

    inserted_at__gte: DateFilter = None
    inserted_at__lte: DateFilter = None
    updated_at__gte: DateFilter = None
    updated_at__lte: DateFilter = None
