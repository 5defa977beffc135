"""Pages of lists in key order: reads the rows of the page, and only the keys of the rows before it.

DynamoDB calls for the first page of a list with totals, regardless of its length. One partition: keys, rows and, if
there is more than the page, a counter and, unless it exceeds ``COUNT_LIMIT``, a COUNT. P partitions: a counter, P for
keys and one for rows. Each further value of the source's filter: one more counter. A list without totals is counted up
to the read limit: beyond ``COUNTED_WITH_KEYS``, several partitions need P further calls, and more whenever DynamoDB
ends an answer at 1 MB.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.kit.listing.plan import ReadPlan, ReadTotal
from chalicelib.kit.listing.request import ListPage
from chalicelib.kit.listing.sources import read_round, rounds
from chalicelib.kit.tables import Item, Query, Tables, Value

COUNT_LIMIT = 1000
"""The rows that are counted key by key, about 12 read units with keys of 100 bytes. If the counter says more, its value
is used: counting would cost ten times the page and end without an answer. If it says less than was counted, it is wrong
and ignored."""

COUNTED_WITH_KEYS = 6000
"""The keys to read at once from several partitions without a counter: lists of up to about 5,000 unevenly spread rows
need no second round for their total. Parsing more keys would take longer than a round of COUNT."""


_Known = Callable[[], int]
"""Reads the number of rows of the plan's queries from counters."""


@dataclass(frozen=True)
class _Keys:
    """The keys that were read. ``entries`` are those of the page, in order; ``seen`` counts all from the start of the
    list; ``unread`` are the queries for the rest. If that is empty, ``seen`` is the total."""

    entries: list[Item]
    seen: int
    unread: list[Query]


def page_by_keys(plan: ReadPlan, tables: Tables, read_total: ReadTotal | None) -> ListPage[Item]:
    """The plan's page. Only for a plan that follows keys."""
    queries = [replace(query, descending=plan.descending) for query in plan.queries]
    known = _known(plan, read_total)
    if len(queries) == 1:
        keys = _one_partition(plan, tables, queries[0])
    else:
        at_once = COUNTED_WITH_KEYS if known is None else COUNT_LIMIT if known() <= COUNT_LIMIT else 0
        keys = _merged(plan, tables, queries, at_once)
    rows = plan.rows_of(tables, keys.entries)
    total = _total(plan, tables, keys, known)
    return ListPage(rows, plan.request.page, plan.request.page_size, total)


def _known(plan: ReadPlan, read_total: ReadTotal | None) -> _Known | None:
    if read_total is None or not plan.totals:
        return None
    return cache(lambda: sum(map(read_total, plan.totals)))


def _one_partition(plan: ReadPlan, tables: Tables, query: Query) -> _Keys:
    """Count the keys before the page, then read those of the page and one more, which shows whether the list
    continues."""
    offset, seen = plan.request.offset, 0
    unread = [query]
    for one in rounds(tables, [replace(query, count_only=True)], min(offset, plan.read_limit)):
        seen += one.count
        unread = one.unread
    if unread and seen < offset:
        raise _too_far(plan)
    entries: list[Item] = []
    behind = [replace(one, count_only=False) for one in unread]
    for one in rounds(tables, behind, plan.request.page_size + 1):
        entries += one.items
        behind = one.unread
    return _Keys(entries[: plan.request.page_size], seen + len(entries), behind)


def _merged(plan: ReadPlan, tables: Tables, queries: list[Query], at_once: int) -> _Keys:
    """Read each partition until its remaining keys lie beyond the page.

    The first round reads an even share of the keys, or of ``at_once`` keys, from each; unevenly spread rows need more
    rounds.
    """
    offset, window, sort_key = plan.request.offset, plan.request.offset + plan.request.page_size, plan.sort_key
    share = max(plan.request.page_size + _part(offset, queries), _part(at_once, queries))
    found: dict[Value, Item] = {}
    sort_keys: list[Any] = []
    unread = behind = queries
    while behind:
        if len(found) > plan.read_limit:
            raise _too_far(plan)
        one = read_round(tables, behind, min(share, plan.read_limit + 1))
        found.update({item[sort_key]: item for item in one.items})
        unread = [query for query in unread if query not in behind] + one.unread
        sort_keys = sorted(found, reverse=plan.descending)
        behind = _behind(plan, unread, sort_keys[window - 1]) if len(sort_keys) >= window else unread
    return _Keys([found[key] for key in sort_keys[offset:window]], len(found), unread)


def _part(rows: int, queries: Sequence[Query]) -> int:
    return -(-rows // max(1, len(queries)))


def _behind(plan: ReadPlan, unread: Sequence[Query], last: Any) -> list[Query]:
    """The queries that may still return a key before ``last``."""
    if plan.descending:
        return [query for query in unread if query.start and query.start[plan.sort_key] > last]
    return [query for query in unread if query.start and query.start[plan.sort_key] < last]


def _total(plan: ReadPlan, tables: Tables, keys: _Keys, known: _Known | None) -> int:
    """The number of rows in the list: exact if counting reaches the end within the limit.

    A counter that says less than was seen lags, or has missed changes of a lost stream: then rows are counted up to the
    read limit, as without a counter.
    """
    if known is None:
        return _counted(tables, keys, plan.read_limit).seen
    if keys.unread and len(plan.queries) == 1 and known() <= COUNT_LIMIT:
        keys = _counted(tables, keys, COUNT_LIMIT)
    if keys.unread and known() < keys.seen:
        keys = _counted(tables, keys, plan.read_limit)
    return max(known(), keys.seen) if keys.unread else keys.seen


def _counted(tables: Tables, keys: _Keys, limit: int) -> _Keys:
    """Continue counting until ``limit`` rows are seen or the list ends."""
    seen, unread = keys.seen, keys.unread
    for one in rounds(tables, [replace(query, count_only=True) for query in unread], limit - seen):
        seen += one.count
        unread = one.unread
    return replace(keys, seen=seen, unread=unread)


def _too_far(plan: ReadPlan) -> EdgeError:
    text = f"more than {plan.read_limit} rows stand before this page; narrow the list instead"
    return bad_request({"page": [text]})
