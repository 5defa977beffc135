"""Reading several partitions side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chalicelib.kit.tables import Item, Page, Query, Tables


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
