"""`Quotas`: how much of its quotas a tenant uses, the writes that move the counters, and their recount."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Item, Query, Tables, Update
from chalicelib.platform.quotas import store
from chalicelib.platform.quotas.rules import SHARES
from chalicelib.platform.quotas.store import Counter, QuotaStore

LAG_SECONDS = 20
"""The lag of an index that a recount allows for: about ten times the usual lag."""

RowsOf = Callable[[str, str], Sequence[Query]]
"""A tenant and the name of a quota -> the queries of what takes it: COUNT queries of rows that take one each, others of
rows that tell how much (`rules.SHARES`)."""


class Quotas:
    """Counters of quotas. They move in the transactions of what they count, so that they are exact."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._store = QuotaStore(tables)

    def used(self, tenant: str, quotas: Sequence[str]) -> dict[str, int]:
        """How many of each of these quotas a tenant has taken. One call."""
        return self._store.used(tenant, quotas)

    def taking(self, quota: str, limit: int | None, amount: int = 1) -> Update:
        """The write that takes so much of a quota, for the transaction that makes what it counts. Its condition fails
        if more than ``limit`` would be taken; None: it is counted without a limit."""
        return store.taking(quota, limit, amount)

    def returning(self, quota: str, amount: int = 1) -> Update:
        """The write that returns so much of a quota, for the transaction that ends what it counts."""
        return store.returning(quota, amount)

    def making(self) -> Update:
        """The write that notes a new thing which takes a quota, for the transaction that makes it. Its condition fails
        for a tenant that is deleted (`closing`)."""
        return store.making()

    def made(self, tenant: str) -> int:
        """How many things that take a quota a tenant has ever made. One consistent read."""
        return self._store.made(tenant)

    def closing(self, tenant: str, made: int) -> Update:
        """The write after which the tenant makes nothing that takes a quota, for the transaction that deletes it. Its
        condition fails if it has made anything since ``made`` was read."""
        return store.closing(tenant, made, self._clock.now())

    def recount(self, rows_of: RowsOf) -> Iterator[tuple[Counter, int]]:
        """Correct the counters that differ from what they count, and yield each with its correction. Rows that were
        lost or restored are the only cause.

        A counter is corrected only if it did not move from `LAG_SECONDS` before its rows were counted until the
        correction: then the index showed all of them. One that moves is left to the next recount.
        """
        suspects = [counter for counter in self._store.every() if counter.used != self._count(counter, rows_of)]
        if suspects:
            self._clock.sleep(LAG_SECONDS)
        for counter in suspects:
            difference = self._count(counter, rows_of) - counter.used
            if difference and self._store.correct(counter, difference):
                yield counter, difference

    def _count(self, counter: Counter, rows_of: RowsOf) -> int:
        queries = rows_of(counter.tenant, counter.quota)
        return sum(
            page.count if query.count_only else sum(_share(row, counter.quota) for row in page.items)
            for query in queries
            for page in self._tables.pages(query)
        )


def _share(row: Item, quota: str) -> int:
    shares: Any = row.get(SHARES) or {}
    return int(shares.get(quota, 0))
