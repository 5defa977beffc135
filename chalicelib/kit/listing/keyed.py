"""Lists that follow the keys: rows are read for the page that is shown, keys for what stands before it.

DynamoDB calls of a first page of rows that have totals, however many there are: one partition takes keys, rows, and
beyond the page a counter and, where that says no more than ``COUNT_LIMIT``, a COUNT; P partitions take a counter, P for
keys and one for rows. Each further value of the source's filter takes a counter more. Rows without totals are counted
up to the read limit: beyond ``COUNTED_WITH_KEYS`` of several partitions by P further calls, and wherever DynamoDB ends
an answer (1 MB) by more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.kit.listing.plan import Counter, Plan
from chalicelib.kit.listing.request import ListPage
from chalicelib.kit.listing.rounds import read_round, rounds
from chalicelib.kit.tables import Item, Query, Tables, Value

COUNT_LIMIT = 1000
"""Rows that are counted key by key, about 12 read units with keys of 100 bytes. Where the counter knows of more, its
word is taken: counting would cost ten times the page and end without an answer. Where it knows of fewer than were
counted, it is wrong, and its word is not."""

COUNTED_WITH_KEYS = 6000
"""Keys read at once from several partitions that have no counter: lists of up to about 5,000 rows, unevenly spread,
need no second round for their total. More would cost more to parse than a round of COUNT costs to wait for."""


_Known = Callable[[], int]
"""How many rows the plan's queries answer, as counters know it."""


@dataclass(frozen=True)
class _Keys:
    """``entries`` of the page in its order, how many keys were ``seen`` from the list's start on, and the queries that
    go on behind them; none: ``seen`` is all there is."""

    entries: list[Item]
    seen: int
    unread: list[Query]


def page_by_keys(plan: Plan, tables: Tables, counter: Counter | None) -> ListPage[Item]:
    """The page that the plan asks for. Only for a plan that follows keys."""
    queries = [replace(query, descending=plan.descending) for query in plan.queries]
    known = _known(plan, counter)
    if len(queries) == 1:
        keys = _one_partition(plan, tables, queries[0])
    else:
        at_once = COUNTED_WITH_KEYS if known is None else COUNT_LIMIT if known() <= COUNT_LIMIT else 0
        keys = _merged(plan, tables, queries, at_once)
    rows = plan.rows_of(tables, keys.entries)
    total = _total(plan, tables, keys, known)
    return ListPage(rows, plan.request.page, plan.request.page_size, total)


def _known(plan: Plan, counter: Counter | None) -> _Known | None:
    if counter is None or not plan.totals:
        return None
    return cache(lambda: sum(map(counter, plan.totals)))


def _one_partition(plan: Plan, tables: Tables, query: Query) -> _Keys:
    """Count past what stands before the page, then read its keys and one more: it tells whether there is more."""
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


def _merged(plan: Plan, tables: Tables, queries: list[Query], at_once: int) -> _Keys:
    """Read each partition until nothing that it still holds can stand on the page or before it.

    Each starts with its even share of the keys, or of ``at_once`` keys; rows spread unevenly take further rounds.
    """
    offset, window = plan.request.offset, plan.request.offset + plan.request.page_size
    share = max(plan.request.page_size + _part(offset, queries), _part(at_once, queries))
    found: dict[Value, Item] = {}
    sort_keys: list[Any] = []
    unread = behind = queries
    while behind:
        if len(found) > plan.read_limit:
            raise _too_far(plan)
        one = read_round(tables, behind, min(share, plan.read_limit + 1))
        found.update({item[plan.sort_key]: item for item in one.items})
        unread = [query for query in unread if query not in behind] + one.unread
        sort_keys = sorted(found, reverse=plan.descending)
        behind = _behind(plan, unread, sort_keys[window - 1]) if len(sort_keys) >= window else unread
    return _Keys([found[sort_key] for sort_key in sort_keys[offset:window]], len(found), unread)


def _part(rows: int, queries: Sequence[Query]) -> int:
    return -(-rows // max(1, len(queries)))


def _behind(plan: Plan, unread: Sequence[Query], last: Any) -> list[Query]:
    """The queries that may still answer a key that stands before ``last``."""
    if plan.descending:
        return [query for query in unread if query.start and query.start[plan.sort_key] > last]
    return [query for query in unread if query.start and query.start[plan.sort_key] < last]


def _total(plan: Plan, tables: Tables, keys: _Keys, known: _Known | None) -> int:
    """How many rows the list has: exact if its end is reached within the limit of what is counted.

    A counter that knows of fewer rows than were seen has missed some, a moment's or a lost stream's: then, as without
    one, rows are counted up to the read limit.
    """
    if known is None:
        return _counted(tables, keys, plan.read_limit).seen
    if keys.unread and len(plan.queries) == 1 and known() <= COUNT_LIMIT:
        keys = _counted(tables, keys, COUNT_LIMIT)
    if keys.unread and known() < keys.seen:
        keys = _counted(tables, keys, plan.read_limit)
    return max(known(), keys.seen) if keys.unread else keys.seen


def _counted(tables: Tables, keys: _Keys, limit: int) -> _Keys:
    """The same after counting on, until ``limit`` rows were seen or there are no more."""
    seen, unread = keys.seen, keys.unread
    for one in rounds(tables, [replace(query, count_only=True) for query in unread], limit - seen):
        seen += one.count
        unread = one.unread
    return replace(keys, seen=seen, unread=unread)


def _too_far(plan: Plan) -> EdgeError:
    text = f"more than {plan.read_limit} rows stand before this page; narrow the list instead"
    return bad_request({"page": [text]})
