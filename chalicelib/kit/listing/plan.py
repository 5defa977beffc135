"""The plan of one list request: the source and queries to use, and whether to follow keys or to match rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.kit.listing.fields import AT_LEAST, AT_MOST, EXACT, Moment
from chalicelib.kit.listing.filters import Fields, Filter, compile_filters, passes
from chalicelib.kit.listing.order import column
from chalicelib.kit.listing.request import NEWEST_FIRST, ListRequest, Order
from chalicelib.kit.listing.sources import (
    PARTITION_LIMIT,
    Direct,
    Insertion,
    Source,
    is_possible,
    possible_keys,
)
from chalicelib.kit.tables import Index, Item, Query, Ref, Table, Tables

INSERTED_AT = "inserted_at"

Enrich = Callable[[list[Item]], list[Item]]
Counter = Callable[[str], int]
"""Reads a total by its name (`kit.counters.total_of`)."""


@dataclass(frozen=True)
class Plan:
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
    source: Source | None = None
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
    sources: tuple[Source | Direct, ...],
    request: ListRequest,
    now: datetime | None,
    read_limit: int,
) -> Plan:
    """Choose the first source whose filter is given as exact values, and what its keys decide."""
    filters = compile_filters(fields, request.filters, now)
    order = request.order or NEWEST_FIRST
    exact = {one.name: one.field.exact(one.wanted) for one in filters if one.operator == EXACT}
    narrowing = tuple(
        source.by for source in sources if isinstance(source, Source) and source.by and exact.get(source.by) is None
    )
    plan = Plan(table, fields, request, order, filters, filters, read_limit, narrowing)
    for source in sources:
        values = () if source.by is None else exact.get(source.by)
        if values is None:
            continue
        if isinstance(source, Direct):
            return _direct(plan, source, values)
        partitions = possible_keys(source.partitions(values))
        if len(partitions) <= PARTITION_LIMIT or source.by is None:
            return _queries(plan, source, values, partitions)
    raise ValueError(f"the list of {table.name} needs a source that serves any request")


def _direct(plan: Plan, source: Direct, values: tuple[str, ...]) -> Plan:
    keys = [key for key in source.keys(values) if all(is_possible(value) for value in key.values())]
    return replace(plan, direct=tuple(Ref(plan.table, key) for key in keys))


def _queries(plan: Plan, source: Source, values: tuple[str, ...], partitions: list[str | int]) -> Plan:
    decided = (source.by, EXACT) if source.decides else None
    left = tuple(one for one in plan.filters if (one.name, one.operator) != decided)
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
