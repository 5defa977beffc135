"""Pages of lists that cannot be answered from keys alone: filters and orders on attributes of rows.

Every index entry of the chosen partitions is read once. Filters on projected attributes are applied to the entries;
rows are read only for the remaining entries, and only if a filter or the order needs them. Only the attributes that the
order and the page need are kept in memory.
"""

from collections.abc import Iterable, Iterator, Sequence

from chalicelib.kit.listing.filters import INSERTED_AT, TIE_BREAK, arrange, passes
from chalicelib.kit.listing.plan import Enrich, ReadPlan
from chalicelib.kit.listing.request import ListPage
from chalicelib.kit.listing.sources import rounds
from chalicelib.kit.tables import Item, Ref, Tables, Value

READ_LIMIT_BYTES = 64 * 1024 * 1024
"""The maximum that one list may read: above it, a function may run out of time or memory before it reaches the row
limit."""

_ROWS_AT_ONCE = 100

_CONTAINER_BYTES = 3
_NUMBER_BYTES = 8


def page_by_matching(plan: ReadPlan, tables: Tables, enrich: Enrich | None) -> ListPage[Item]:
    """The plan's page, with an exact total. Raises `EdgeError` (bad request) above the limits (`ReadPlan.too_much`)."""
    matching = Matching(plan, tables)
    items = matching.direct_rows() if plan.source is None else matching.candidates()
    if plan.needs_enrichment:
        if enrich is None:
            raise ValueError(f"this list of {plan.table.name} needs rows to be enriched")
        items = enrich(items)
    enriched = [one for one in plan.left if one.field.enriched]
    chosen = [item for item in items if passes(enriched, item)]
    arrange(chosen, plan.order, plan.fields)
    request = plan.request
    shown = chosen[request.offset : request.offset + request.page_size]
    rows = shown if plan.source is None else plan.rows_of(tables, shown)
    return ListPage(rows, request.page, request.page_size, len(chosen))


class Matching:
    """One pass over the rows of a plan. ``read_bytes`` counts what it has read."""

    def __init__(self, plan: ReadPlan, tables: Tables) -> None:
        self.plan = plan
        self.tables = tables
        self.examined = 0
        self.read_bytes = 0
        known = plan.held
        plain = [one for one in plan.left if not one.field.enriched]
        self._on_entry = [one for one in plain if known is None or one.field.needs <= known]
        self._on_row = [one for one in plain if one not in self._on_entry]
        self._order_needs_rows = known is not None and not plan.order_needs <= known

    def direct_rows(self) -> list[Item]:
        """The rows whose keys follow from a filter, which pass all filters except the enriched ones."""
        on_row = [one for one in self.plan.left if not one.field.enriched]
        return [row for row in self.tables.get_many(self.plan.direct) if row is not None and passes(on_row, row)]

    def candidates(self) -> list[Item]:
        """The rows that pass all filters except the enriched ones, reduced to their keys and the attributes of the
        order. Raises `EdgeError` (bad request) above the limits."""
        found: dict[tuple[object, ...], Item] = {}
        for entries in self._entries():
            left = self._narrowed(entries, rows_needed=bool(self._on_row) or self._order_needs_rows)
            found.update((self._identity(item), self._trimmed(item)) for item in left)
        return list(found.values())

    def passing(self, entries: Sequence[Item]) -> list[Item]:
        """The entries, or their rows where filters need them, that pass all filters except the enriched ones."""
        dated = [self._dated(entry) for entry in entries]
        return list(self._narrowed(dated, rows_needed=bool(self._on_row), is_bounded=False))

    def _narrowed(self, entries: Sequence[Item], *, rows_needed: bool, is_bounded: bool = True) -> Iterable[Item]:
        left = [entry for entry in entries if passes(self._on_entry, entry)]
        if not rows_needed:
            return left
        return (row for row in self._rows(left, is_bounded=is_bounded) if passes(self._on_row, row))

    def _entries(self) -> Iterator[list[Item]]:
        """The entries of all partitions, a round at a time, each with its time of insertion."""
        limit = self.plan.read_limit
        for one in rounds(self.tables, self.plan.queries, limit + 1):
            self.examined += one.count
            entries = one.items
            self._account(entries)
            self._check()
            yield [self._dated(entry) for entry in entries]

    def _rows(self, entries: Sequence[Item], *, is_bounded: bool) -> Iterator[Item]:
        """The rows of entries, read with eventual consistency: half the price, and the index lags anyway."""
        table = self.plan.table
        for start in range(0, len(entries), _ROWS_AT_ONCE):
            refs = [Ref(table, table.key_of(entry)) for entry in entries[start : start + _ROWS_AT_ONCE]]
            rows = [row for row in self.tables.get_many(refs, consistent=False) if row is not None]
            self._account(rows)
            if is_bounded:
                self._check()
            yield from rows

    def _account(self, items: Sequence[Item]) -> None:
        self.read_bytes += sum(item_bytes(item) for item in items)

    def _check(self) -> None:
        if self.examined > self.plan.read_limit or self.read_bytes > READ_LIMIT_BYTES:
            raise self.plan.too_much()

    def _dated(self, entry: Item) -> Item:
        insertion, sort_key = self.plan.insertion, entry.get(self.plan.sort_key)
        if insertion is None or INSERTED_AT in entry:
            return entry
        return {**entry, INSERTED_AT: insertion.inserted_at(str(sort_key))}

    def _identity(self, item: Item) -> tuple[object, ...]:
        return tuple(self.plan.table.key_of(item).values())

    def _trimmed(self, item: Item) -> Item:
        kept = self.plan.order_needs | {TIE_BREAK, *self.plan.table.key_of(item)}
        return {name: item[name] for name in kept if name in item}


def item_bytes(item: Item) -> int:
    """About what DynamoDB counts for the row ("DynamoDB item sizes and formats"): names, values, a few bytes for each
    container. Text counts by characters and a number as 8 bytes, which is near enough for a limit."""
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Value) -> int:
    match value:
        case str() | bytes():
            return len(value)
        case bool() | None:
            return 1
        case int():
            return _NUMBER_BYTES
        case dict():
            return _CONTAINER_BYTES + item_bytes(value) + len(value)
        case _:
            return _CONTAINER_BYTES + _values_bytes(list(value))


def _values_bytes(values: Sequence[Value]) -> int:
    return sum(1 + _value_bytes(value) for value in values)
