"""The plans of one list request: the source and queries to use, and whether to follow keys or to match rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.kit.listing.fields import AT_LEAST, AT_MOST, Moment
from chalicelib.kit.listing.filters import INSERTED_AT, Fields, Filter, column, compile_filters, passes
from chalicelib.kit.listing.request import NEWEST_FIRST, ListRequest, Order
from chalicelib.kit.listing.sources import (
    PARTITION_LIMIT,
    IndexSource,
    Insertion,
    KeySource,
    Source,
    TermSource,
    possible_keys,
)
from chalicelib.kit.tables import Index, Item, KeyRange, Query, Ref, Table, Tables, is_possible

Enrich = Callable[[list[Item]], list[Item]]
"""Sets the attributes of enriched fields on items."""

ReadTotal = Callable[[str], int]
"""Reads a total by its name (`kit.counters.total_of`)."""


@dataclass(frozen=True)
class ReadPlan:
    """``filters`` are all that were given, ``left`` those that the queries' keys do not decide. ``source`` is None and
    ``direct`` holds the rows' keys where the keys follow from a filter. ``totals`` together count the rows of the
    queries; empty if there is no such counter. ``values`` are those of the filters that the source is read by,
    ``weight`` the totals that say how many entries its partitions have."""

    table: Table
    fields: Fields
    request: ListRequest
    order: Order
    filters: tuple[Filter, ...]
    left: tuple[Filter, ...]
    read_limit: int
    narrowing: tuple[str, ...]
    source: IndexSource | TermSource | None = None
    queries: tuple[Query, ...] = ()
    totals: tuple[str, ...] = ()
    direct: tuple[Ref, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()
    weight: tuple[str, ...] = ()

    @cached_property
    def read(self) -> Table:
        """The table that is read, whose entries have the keys of rows of ``table``."""
        return self.source.table if isinstance(self.source, TermSource) else self.table

    @cached_property
    def index(self) -> Index | None:
        """The index that is read; None for the table itself."""
        if self.source is None or self.source.index is None:
            return None
        return self.read.index(self.source.index)

    @property
    def held(self) -> frozenset[str] | None:
        """The attributes of rows that entries hold; None for all of them."""
        if isinstance(self.source, TermSource):
            return self.source.holds
        if self.index is None:
            return None
        names = {self.table.partition, self.table.sort, self.index.partition, self.index.sort, *self.index.projected}
        if self.insertion is not None:
            names.add(INSERTED_AT)
        return frozenset(name for name in names if name is not None)

    @property
    def insertion(self) -> Insertion | None:
        """The relation between the keys that are read and the time of insertion; None if there is none."""
        return None if self.source is None else self.source.insertion

    @cached_property
    def sort_key(self) -> str:
        """The sort attribute of what is read. Empty for a table without one."""
        return (self.read.sort if self.index is None else self.index.sort) or ""

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

    def rows_of(self, tables: Tables, entries: list[Item], *, once: bool = False) -> list[Item]:
        """The rows that index entries stand for, as they are now. A row that has vanished since, or that the filters no
        longer admit (the index lags), is left out; ``once``, so is one for which another of its entries speaks."""
        rows = tables.get_many([Ref(self.table, self.table.key_of(entry)) for entry in entries])
        on_row = [one for one in self.filters if not one.field.enriched]
        return [
            row
            for entry, row in zip(entries, rows, strict=True)
            if row is not None and passes(on_row, row) and (not once or self._speaks_for(entry, row))
        ]

    def _speaks_for(self, entry: Item, row: Item) -> bool:
        return not isinstance(self.source, TermSource) or self.source.speaks_for(*self.values, entry, row)

    def too_much(self) -> EdgeError:
        """The refusal of a request that would read more than the limit; it names the filters that help."""
        text = f"add or narrow this filter: the list would have to read more than {self.read_limit} rows"
        return bad_request({parameter: [text] for parameter in self.narrowing})


def make_plans(
    table: Table,
    fields: Fields,
    sources: Sequence[Source],
    request: ListRequest,
    now: datetime | None,
    read_limit: int,
    *,
    every: bool = False,
) -> Iterator[ReadPlan]:
    """A plan for each source whose filters are given as exact values, in the order of the sources: by the keys that it
    has for these. A source of which each value must hold has one for each of them. Unless ``every`` is asked for, those
    are left out that are read by some of the filters of one of terms before them: they have more entries."""
    filters = compile_filters(fields, request.filters, now)
    order = request.order or NEWEST_FIRST
    exact = _exact(filters)
    narrowing = tuple(
        source.by for source in sources if isinstance(source, IndexSource) and source.by and source.by not in exact
    )
    plan = ReadPlan(table, fields, request, order, filters, filters, read_limit, narrowing)
    narrower: list[frozenset[str]] = []
    for source in sources:
        names = _filters_of(source)
        if not names <= exact.keys() or (not every and any(names < others for others in narrower)):
            continue
        match source:
            case KeySource():
                yield _direct(plan, source, exact[source.by][1])
            case TermSource():
                for planned in _by_terms(plan, source, [exact[name] for name in source.by]):
                    narrower.append(names)
                    yield planned
            case IndexSource():
                yield from _by_index(plan, source, None if source.by is None else exact[source.by])


def _filters_of(source: Source) -> frozenset[str]:
    """The filters that must be given for it."""
    if isinstance(source, TermSource):
        return frozenset(source.by)
    return frozenset() if source.by is None else frozenset({source.by})


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


def _by_index(plan: ReadPlan, source: IndexSource, given: tuple[Filter, tuple[str, ...]] | None) -> Iterator[ReadPlan]:
    decided, values = given or (None, ())
    partitions = possible_keys(source.partitions(values))
    if len(partitions) > PARTITION_LIMIT and source.by is not None:
        return
    left = tuple(one for one in plan.filters if not source.decides or one is not decided)
    weight = () if source.totals is None else tuple(source.totals(tuple(filter(is_possible, values))))
    positions = [(partition, None) for partition in partitions]
    totals = () if left else weight
    yield _ranged(plan, positions, source=source, left=left, values=(values,), weight=weight, totals=totals)


def _by_terms(
    plan: ReadPlan, source: TermSource, given: Sequence[tuple[Filter, tuple[str, ...]]]
) -> Iterator[ReadPlan]:
    if not source.is_complete():
        return
    (first, values), *others = given
    for some in [(value,) for value in values] if source.each else [values]:
        told = (some, *(others_values for _, others_values in others))
        positions = [one for one in source.positions(*told) if is_possible(one[0])]
        if len(positions) > PARTITION_LIMIT:
            continue
        decided = [one for one, _ in others]
        if len(some) == len(values) and source.decides(*told):
            decided.append(first)
        left = tuple(one for one in plan.filters if not any(one is each for each in decided))
        yield _ranged(plan, positions, source=source, left=left, values=told)


def _ranged(
    plan: ReadPlan,
    positions: Sequence[tuple[str | int, KeyRange | None]],
    *,
    source: IndexSource | TermSource,
    left: tuple[Filter, ...],
    **given: Any,
) -> ReadPlan:
    """The plan of that source with its queries, whose range of keys decides filters by the time of insertion, where it
    can. ``given`` are further fields."""
    table = source.table if isinstance(source, TermSource) else plan.table
    index, between, narrowing = None if source.index is None else table.index(source.index), None, plan.narrowing
    if source.insertion is not None:
        since, until = _inserted(left)
        between = source.insertion.between(since, until) if since or until else None
        left = tuple(one for one in left if one.name != INSERTED_AT)
        narrowing = (*narrowing, f"{INSERTED_AT}__{AT_LEAST}")
    queries = tuple(Query(table, partition, index=index, sort=between or own) for partition, own in positions)
    return replace(plan, source=source, left=left, narrowing=narrowing, queries=queries, **given)


def _inserted(filters: tuple[Filter, ...]) -> tuple[str | None, str | None]:
    """The first and the last second of insertion that the filters leave."""
    bounds: dict[str, str] = {
        one.operator: Moment.bound(one.operator, one.wanted) for one in filters if one.name == INSERTED_AT
    }
    return bounds.get(AT_LEAST), bounds.get(AT_MOST)
