"""Finds unfinished work for a sweep, claims it, and says when a sweep should look at it again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import Between, Item, Query, Ref, Table, Tables

FIRST_LOOK = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(seconds=900)
"""Unfinished work is queued again after 1, 2, 4, 8 and then every 15 minutes, so that large work in progress is not
started many times."""

SETTLE_SOON = timedelta(seconds=60)
"""When to search again for rows that a lagging index may have hidden, the first time: longer than nearly any lag."""

SETTLE = timedelta(seconds=900)
"""When to search again the last time: far longer than any lag of an index."""

Row = TypeVar("Row")
Work = TypeVar("Work")

_MOST_DOUBLINGS = 4

_PAGE = 100
"""Rows read at a time: one BatchGet."""


def look_again_at(now: datetime, sweeps: int) -> str:
    """When to look again at work that ``sweeps`` sweeps have queued so far; seconds text."""
    return to_seconds_text(now + min(FIRST_LOOK * 2 ** min(sweeps, _MOST_DOUBLINGS), LONGEST_PAUSE))


def due_rows(tables: Tables, table: Table, partition: str, now: str) -> Iterator[list[Item]]:
    """The rows of a table whose ``due_at`` has passed, most overdue first, page by page, by the sparse index ``due``.
    The rows are read anew: an index entry whose row is gone or no longer due is skipped."""
    query = Query(table, partition, index=table.index("due"), sort=Between("0", now), limit=_PAGE)
    for page in tables.pages(query):
        rows = tables.get_many([Ref(table, table.key_of(entry)) for entry in page.items])
        yield [row for row in rows if row is not None and _is_due(row, now)]


def claim_due(
    pages: Iterable[Sequence[Row]], claim: Callable[[Row], Iterable[Work]], limit: int
) -> Iterator[list[Work]]:
    """Claim at most ``limit`` due rows, and yield the work of each page of them.

    ``claim`` must move a row's due time before it returns the row's work: if that is lost, the row comes up again. It
    returns nothing if another sweep was faster.
    """
    taken = 0
    for rows in pages:
        yield [work for row in rows[: limit - taken] for work in claim(row)]
        taken += len(rows)
        if taken >= limit:
            return


def _is_due(row: Item, now: str) -> bool:
    due_at = row.get("due_at")
    return isinstance(due_at, str) and due_at <= now
