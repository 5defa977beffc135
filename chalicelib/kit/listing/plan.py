"""The plan of one list request: the source and queries to use, and whether to follow keys or to match rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.kit.listing.fields import AT_LEAST, AT_MOST, EXACT, Column, Field, Moment, Test
from chalicelib.kit.listing.request import NEWEST_FIRST, Filters, FilterValue, ListRequest, Order
from chalicelib.kit.listing.sources import (
    PARTITION_LIMIT,
    IndexSource,
    Insertion,
    KeySource,
    is_possible,
    possible_keys,
)
from chalicelib.kit.tables import Index, Item, Query, Ref, Table, Tables, Value

INSERTED_AT = "inserted_at"

TIE_BREAK = "id"
"""The attribute that decides between equal rows. It is unique within a table; a row without it is sorted by the other
terms alone."""

_SEPARATOR = "__"

Fields = Mapping[str, Field]
"""Fields by public name. A name contains no double underscore."""

Enrich = Callable[[list[Item]], list[Item]]
"""Sets the attributes of enriched fields on items."""

ReadTotal = Callable[[str], int]
"""Reads a total by its name (`kit.counters.total_of`)."""


@dataclass(frozen=True)
class Filter:
    """One given parameter: its ``name`` and ``operator``, its field, its value and its test of a row."""

    name: str
    operator: str
    field: Field
    wanted: FilterValue
    test: Test


@dataclass(frozen=True)
class ReadPlan:
    """``filters`` are all that were given, ``left`` those that the queries' keys do not decide. ``source`` is None and
    ``direct`` holds the rows' keys where the keys follow from a filter. ``totals`` together count the rows of the
    queries; empty if there is no such counter."""

    table: Table
    fields: Fields
    request: ListRequest
    order: Order
    filters: tuple[Filter, ...]
    left: tuple[Filter, ...]
    read_limit: int
    narrowing: tuple[str, ...]
    source: IndexSource | None = None
    queries: tuple[Query, ...] = ()
    totals: tuple[str, ...] = ()
    direct: tuple[Ref, ...] = ()

    @property
    def index(self) -> Index | None:
        """The index that is read; None for the table itself."""
        if self.source is None or self.source.index is None:
            return None
        return self.table.index(self.source.index)

    @property
    def insertion(self) -> Insertion | None:
        """The relation between the keys that are read and the time of insertion; None if there is none."""
        return None if self.source is None else self.source.insertion

    @property
    def sort_key(self) -> str:
        """The sort attribute of what is read. Empty for a table without one."""
        return (self.table.sort if self.index is None else self.index.sort) or ""

    @property
    def follows_keys(self) -> bool:
        """Whether the queries answer the rows asked for, and no others, in the order asked for."""
        in_key_order = len(self.order) == 1 and self.order[0][0] == INSERTED_AT
        return in_key_order and self.insertion is not None and not self.left

    @property
    def descending(self) -> bool:
        """The direction of an order that follows the keys."""
        return self.order[0][1]

    @property
    def order_needs(self) -> frozenset[str]:
        """The attributes of rows that the order looks at."""
        columns = (column(self.fields, name) for name, _ in self.order)
        return frozenset(name for one in columns if not one.enriched for name in one.needs)

    @property
    def needs_enrichment(self) -> bool:
        """Whether a filter or the order looks at what rows do not hold."""
        return any(one.field.enriched for one in self.left) or any(
            column(self.fields, name).enriched for name, _ in self.order
        )

    def rows_of(self, tables: Tables, entries: list[Item]) -> list[Item]:
        """The rows that index entries stand for, as they are now. A row that has vanished since, or that the filters no
        longer admit (the index lags), is left out."""
        rows = tables.get_many([Ref(self.table, self.table.key_of(entry)) for entry in entries])
        on_row = [one for one in self.filters if not one.field.enriched]
        return [row for row in rows if row is not None and passes(on_row, row)]

    def too_much(self) -> EdgeError:
        """The refusal of a request that would read more than the limit; it names the filters that help."""
        text = f"add or narrow this filter: the list would have to read more than {self.read_limit} rows"
        return bad_request({parameter: [text] for parameter in self.narrowing})


def make_plan(
    table: Table,
    fields: Fields,
    sources: tuple[IndexSource | KeySource, ...],
    request: ListRequest,
    now: datetime | None,
    read_limit: int,
) -> ReadPlan:
    """Choose the first source whose filter is given as exact values, and what its keys decide."""
    filters = compile_filters(fields, request.filters, now)
    order = request.order or NEWEST_FIRST
    exact = _exact(filters)
    narrowing = tuple(
        source.by for source in sources if isinstance(source, IndexSource) and source.by and source.by not in exact
    )
    plan = ReadPlan(table, fields, request, order, filters, filters, read_limit, narrowing)
    for source in sources:
        if source.by is not None and source.by not in exact:
            continue
        decided, values = (None, ()) if source.by is None else exact[source.by]
        if isinstance(source, KeySource):
            return _direct(plan, source, values)
        partitions = possible_keys(source.partitions(values))
        if len(partitions) <= PARTITION_LIMIT or source.by is None:
            return _queries(plan, source, decided, values, partitions)
    raise ValueError(f"the list of {table.name} needs a source that serves any request")


def _exact(filters: tuple[Filter, ...]) -> dict[str, tuple[Filter, tuple[str, ...]]]:
    """Field -> the filter that names the only values that can match, and these; the shorter one of two."""
    found: dict[str, tuple[Filter, tuple[str, ...]]] = {}
    for one in filters:
        values = one.field.values(one.operator, one.wanted)
        if values is not None and (one.name not in found or len(values) < len(found[one.name][1])):
            found[one.name] = one, values
    return found


def _direct(plan: ReadPlan, source: KeySource, values: tuple[str, ...]) -> ReadPlan:
    keys = [key for key in source.keys(values) if all(is_possible(value) for value in key.values())]
    return replace(plan, direct=tuple(Ref(plan.table, key) for key in keys))


def _queries(
    plan: ReadPlan,
    source: IndexSource,
    decided: Filter | None,
    values: tuple[str, ...],
    partitions: list[str | int],
) -> ReadPlan:
    left = tuple(one for one in plan.filters if not source.decides or one is not decided)
    planned = replace(plan, source=source, left=left)
    if source.totals is not None and not left:
        planned = replace(planned, totals=tuple(source.totals(tuple(filter(is_possible, values)))))
    index, sort = planned.index, None
    if source.insertion is not None:
        since, until = _inserted(left)
        sort = source.insertion.between(since, until) if since or until else None
        left = tuple(one for one in left if one.name != INSERTED_AT)
        planned = replace(planned, left=left, narrowing=(*plan.narrowing, f"{INSERTED_AT}__{AT_LEAST}"))
    queries = tuple(Query(plan.table, partition, index=index, sort=sort) for partition in partitions)
    return replace(planned, queries=queries)


def _inserted(filters: tuple[Filter, ...]) -> tuple[str | None, str | None]:
    """The first and the last second of insertion that the filters leave."""
    bounds: dict[str, str] = {
        one.operator: Moment.bound(one.operator, one.wanted) for one in filters if one.name == INSERTED_AT
    }
    return bounds.get(AT_LEAST), bounds.get(AT_MOST)


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
