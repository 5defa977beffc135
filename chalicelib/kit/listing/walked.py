"""Pages by cursor: each goes on where the one before it ended, in the order of insertion, with any filters.

A page reads until it is full, has examined `MOST_EXAMINED` entries or `MOST_BYTES` of rows, so that its cost has a
bound on any list; it may therefore be short, or empty, before the list has ended. It counts nothing.

A position is the sort key of the last entry that was examined. Rows inserted during the walk are met only if they stand
behind it. A source whose sort key does not tell the time of insertion is walked in the order of its sort keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.kit.listing.filters import INSERTED_AT, TIE_BREAK, arrange, passes
from chalicelib.kit.listing.matched import Matching
from chalicelib.kit.listing.plan import Enrich, ReadPlan
from chalicelib.kit.listing.sources import read_round
from chalicelib.kit.tables import Between, Item, KeyRange, Query, Tables

MOST_EXAMINED = 2000
"""Entries of indexes that one page may read."""

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of rows after which a page ends."""

_AT_ONCE = 200
"""Entries of all partitions that are read at the same time where filters are left to be tested."""

_BELOW_ALL, _ABOVE_ALL = " ", "\U0010ffff"


@dataclass(frozen=True)
class Walk:
    """``items`` of one page; ``position`` from which the next goes on, None at the end of the list."""

    items: list[Item]
    position: str | None


def page_by_cursor(plan: ReadPlan, tables: Tables, position: str | None, enrich: Enrich | None) -> Walk:
    """The page behind ``position``; None stands for the start of the list."""
    if plan.source is None:
        return _direct(plan, tables, position, enrich)
    return _Walking(plan, tables, enrich, position).page()


class _Walking:
    """One page under way."""

    def __init__(self, plan: ReadPlan, tables: Tables, enrich: Enrich | None, position: str | None) -> None:
        self._plan = plan
        self._tables = tables
        self._enrich = enrich
        self._position = position
        self._matching = Matching(plan, tables)
        self._found: list[Item] = []

    def page(self) -> Walk:
        size, examined = self._plan.request.page_size, 0
        has_ended = not self._plan.queries
        while not has_ended and len(self._found) < size and examined < MOST_EXAMINED and not self._is_heavy():
            entries, read, has_ended = self._next_entries()
            examined += read
            has_ended = self._take(entries, size) and has_ended
        rows = self._plan.rows_of(self._tables, self._found, once=True)
        return Walk(rows, None if has_ended else self._position)

    def _next_entries(self) -> tuple[list[Item], int, bool]:
        """The next entries in order, up to where a partition was not read further; how many were read; whether there
        are no more."""
        plan = self._plan
        queries = [_behind(query, self._position, descending=plan.descending) for query in plan.queries]
        at_once = _AT_ONCE if plan.left else plan.request.page_size + 1
        one = read_round(self._tables, queries, max(2, -(-at_once // len(queries)) + 1))
        entries = [entry for entry in one.items if self._sort_key(entry) != self._position]
        entries.sort(key=self._sort_key, reverse=plan.descending)
        if one.unread:
            ends = [str(query.start[plan.sort_key]) for query in one.unread if query.start]
            frontier = max(ends) if plan.descending else min(ends)
            entries = [entry for entry in entries if self._is_up_to(entry, frontier)]
        return entries, one.count, not one.unread

    def _take(self, entries: Sequence[Item], size: int) -> bool:
        """Examine entries until the page is full; returns whether all were examined."""
        chunk = size if not self._plan.left else _AT_ONCE // 2
        for start in range(0, len(entries), chunk):
            part = entries[start : start + chunk]
            kept = {self._identity(item): item for item in self._passing(part)}
            for index, entry in enumerate(part, start=start + 1):
                self._position = self._sort_key(entry)
                if self._identity(entry) in kept:
                    self._found.append(entry)
                if len(self._found) == size:
                    return index == len(entries)
            if self._is_heavy():
                return start + chunk >= len(entries)
        return True

    def _passing(self, entries: Sequence[Item]) -> list[Item]:
        """The entries whose rows pass all filters."""
        left = self._matching.passing(entries)
        enriched = [one for one in self._plan.left if one.field.enriched]
        if not enriched or self._enrich is None:
            return left
        return [item for item in self._enrich(left) if passes(enriched, item)]

    def _is_heavy(self) -> bool:
        return self._matching.read_bytes > MOST_BYTES

    def _sort_key(self, entry: Item) -> str:
        return str(entry[self._plan.sort_key])

    def _identity(self, item: Item) -> tuple[object, ...]:
        return tuple(self._plan.table.key_of(item).values())

    def _is_up_to(self, entry: Item, frontier: str) -> bool:
        sort_key = self._sort_key(entry)
        return sort_key >= frontier if self._plan.descending else sort_key <= frontier


def _behind(query: Query, position: str | None, *, descending: bool) -> Query:
    """The query for what stands behind the position, and the entry at it."""
    if position is None:
        return replace(query, descending=descending)
    low, high = _bounds(query.sort)
    sort = Between(low, min(position, high)) if descending else Between(max(position, low), high)
    return replace(query, descending=descending, sort=sort)


def _bounds(sort: KeyRange | None) -> tuple[str, str]:
    return (str(sort.low), str(sort.high)) if isinstance(sort, Between) else (_BELOW_ALL, _ABOVE_ALL)


def _direct(plan: ReadPlan, tables: Tables, position: str | None, enrich: Enrich | None) -> Walk:
    """Rows whose keys follow from a filter: few, so all are read for each page."""
    rows = Matching(plan, tables).direct_rows()
    if plan.needs_enrichment and enrich is not None:
        rows = enrich(rows)
    chosen = [row for row in rows if passes(plan.left, row)]
    arrange(chosen, plan.order, plan.fields)
    behind = [row for row in chosen if position is None or _is_behind(row, position, descending=plan.descending)]
    shown = behind[: plan.request.page_size]
    return Walk(shown, _sort_text(shown[-1]) if len(behind) > len(shown) else None)


def _is_behind(row: Item, position: str, *, descending: bool) -> bool:
    return _sort_text(row) < position if descending else _sort_text(row) > position


def _sort_text(row: Item) -> str:
    return f"{row[INSERTED_AT]!s}#{row[TIE_BREAK]!s}"
