"""The sources of a list's rows (indexes and keys), and the partitions that a request needs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.counters import total_of
from chalicelib.kit.ids import compose_uuid7, moment_of, to_milliseconds
from chalicelib.kit.tables import Between, Item, Key, KeyRange, Page, Query, Table, Tables, is_possible

PARTITION_LIMIT = 64
"""A comma list that would need more partitions than this is read from the next wider source instead."""

_BELOW_ALL, _ABOVE_ALL = "0", "~"
"""Texts that no id and no time is below or above."""

_MILLISECONDS_PER_SECOND = 1000


class Insertion(Protocol):
    """How a sort key tells when its row was inserted. Rows in its order are rows by (inserted_at, id)."""

    def between(self, since: str | None, until: str | None) -> Between:
        """The keys of rows inserted from one whole second to another, both included; None is open."""
        ...

    def inserted_at(self, sort_key: str) -> str:
        """The stored ``inserted_at`` of the row with this sort key."""
        ...


class _ById:
    """The sort key is a UUIDv7 whose time bits are the insertion."""

    def between(self, since: str | None, until: str | None) -> Between:
        low, high = _BELOW_ALL, _ABOVE_ALL
        if since is not None:
            low = compose_uuid7(max(0, to_milliseconds(parse_time(since))), 0)
        if until is not None:
            last = to_milliseconds(parse_time(until)) + _MILLISECONDS_PER_SECOND - 1
            high = compose_uuid7(last, -1) if last >= 0 else ""
        return Between(low, high)

    def inserted_at(self, sort_key: str) -> str:
        return to_seconds_text(moment_of(sort_key))


class _ByListedAt:
    """The sort key is ``{inserted_at}#{id}``: for rows whose id others chose."""

    def between(self, since: str | None, until: str | None) -> Between:
        return Between(since or _BELOW_ALL, _ABOVE_ALL if until is None else f"{until}#{_ABOVE_ALL}")

    def inserted_at(self, sort_key: str) -> str:
        return sort_key.partition("#")[0]


BY_ID: Insertion = _ById()
LISTED_AT: Insertion = _ByListedAt()

Partitions = Callable[[tuple[str, ...]], Sequence[str | int]]
"""The exact values of the source's filter -> the partition keys that hold their rows."""

Totals = Callable[[tuple[str, ...]], Sequence[str]]
"""The exact values of the source's filter -> the names of totals that together count each of their rows once."""


@dataclass(frozen=True)
class IndexSource:
    """An index (None: the table itself) and the partitions of it that hold every row of a request.

    ``by`` is the filter that must be given as exact values; None serves any request. It is tested on each row as well
    where the partitions alone do not decide it (``decides``). ``partitions`` may read other tables; an empty answer is
    an empty list. ``insertion`` None: the sort key does not contain the time of insertion. ``totals`` None: no counter
    exists for these rows.
    """

    index: str | None
    partitions: Partitions
    by: str | None = None
    insertion: Insertion | None = BY_ID
    totals: Totals | None = None
    decides: bool = True

    def counted(self, table: Table, *values: str) -> dict[str, tuple[Query, ...]]:
        """Each of its totals and the COUNT queries that say what it should be: of each of the filter's values, or of
        all rows where it has no filter."""
        index = None if self.index is None else table.index(self.index)
        given = [(value,) for value in values] if self.by else [()]
        return {
            total: tuple(Query(table, partition, index, count_only=True) for partition in self.partitions(one))
            for one in given
            for total in (self.totals(one) if self.totals else ())
        }


Positions = Callable[..., Sequence[tuple[str, KeyRange | None]]]
"""The exact values of a source's filters, one tuple for each filter -> the partitions, and the ranges in them, that
hold the entries of their rows."""


def _always(*_: object) -> bool:
    return True


@dataclass(frozen=True)
class TermSource:
    """Entries of another table that stand for rows and hold their keys: an index that is written together with the
    rows, and so does not lag. Where a request could be read from several sources, and this is one of them, the smallest
    is chosen.

    ``by`` are the filters that must all be given as exact values. With ``each``, all values of the first one must hold,
    so that the entries of any one of them are enough, and the filter is tested on the rows if there are more of them.
    ``decides`` says whether the entries' positions decide the first filter where it has one value. ``holds`` names the
    attributes of rows that entries repeat. ``insertion`` as in `IndexSource`. ``speaks_for`` says, where a row can have
    several entries, which of them a walk by cursor shows: of the values, an entry and its row. It is not read until it
    ``is_complete``.
    """

    table: Table
    by: tuple[str, ...]
    positions: Positions
    holds: frozenset[str]
    index: str | None = None
    insertion: Insertion | None = None
    each: bool = False
    decides: Callable[..., bool] = _always
    speaks_for: Callable[..., bool] = _always
    is_complete: Callable[[], bool] = _always


@dataclass(frozen=True)
class KeySource:
    """Rows whose primary keys follow from the exact values of the filter ``by``: no index is read."""

    by: str
    keys: Callable[[tuple[str, ...]], Sequence[Key]]


Source = IndexSource | TermSource | KeySource


def fixed(*partitions: str | int) -> Partitions:
    """Always these partitions."""
    return lambda _: partitions


def as_given(values: tuple[str, ...]) -> Sequence[str]:
    """The values are the partition keys."""
    return values


def sharded(shards: int) -> Partitions:
    """Partition keys ``{value}#{shard}``, shards counted from 0."""
    return lambda values: [f"{value}#{shard}" for value in values for shard in range(shards)]


def all_rows(table: Table) -> Totals:
    """The one total of all rows of the table."""
    return lambda _: (table.name,)


def rows_with(table: Table, attribute: str) -> Totals:
    """The totals of the rows whose attribute has one of the values."""
    return lambda values: [total_of(table.name, attribute, value) for value in values]


def possible_keys(keys: Sequence[str | int]) -> list[str | int]:
    """Each key once, without those that no row can have."""
    return [key for key in dict.fromkeys(keys) if is_possible(key)]


@dataclass(frozen=True)
class Round:
    """One page of each partition that had not ended. ``unread`` continues those that still have not."""

    pages: list[Page]
    unread: list[Query]

    @property
    def count(self) -> int:
        return sum(page.count for page in self.pages)

    @property
    def items(self) -> list[Item]:
        return [item for page in self.pages for item in page.items]


def read_round(tables: Tables, queries: Sequence[Query], limit: int) -> Round:
    """One page of each query, of at most ``limit`` rows each."""
    pages = tables.query_many([replace(query, limit=limit) for query in queries])
    unread = [
        replace(query, start=page.last_key)
        for query, page in zip(queries, pages, strict=True)
        if page.last_key is not None
    ]
    return Round(pages, unread)


def rounds(tables: Tables, queries: Sequence[Query], limit: int) -> Iterator[Round]:
    """Rounds until all partitions have ended or ``limit`` rows are read: never more than it by more than one row a
    partition."""
    unread, left = list(queries), limit
    while unread and left > 0:
        one = read_round(tables, unread, -(-left // len(unread)))
        yield one
        unread, left = one.unread, left - one.count
