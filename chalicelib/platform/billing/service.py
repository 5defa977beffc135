"""`Metering`, which records marks, and `Bills`, which adds up intervals."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.tables import Query, Tables
from chalicelib.platform.billing import rules, store
from chalicelib.platform.billing.model import Amount, Bill, Forecast, Interval, Mark, Part, Period
from chalicelib.platform.billing.prices import charged_at, charged_of

MOST_SHOWN = 1_000
"""Parts that one answer shows."""

MOST_ADDED = 50_000
"""Intervals that one bill adds up: some seconds of reading."""

ScopedTo = Callable[[str], Tables]
"""The tables of a tenant."""


class Metering:
    """Records marks, in any order and however often they come."""

    def __init__(self, scoped: ScopedTo) -> None:
        self._scoped = scoped

    def note(self, mark: Mark) -> None:
        """Record a mark, and end with it what it ends. May be repeated, also in part.

        The row is written before its neighbours are read, consistently: of two marks that are recorded at the same
        moment at least one sees the other. Raises `NoPriceError`.
        """
        tables = self._scoped(mark.tenant)
        charged = charged_of(mark)
        tables.try_write(store.put_mark(mark, charged), "billing.marked")
        own = Interval(
            resource_id=mark.resource_id,
            position=store.position_of(mark.version),
            kind=mark.kind,
            owner=mark.owner,
            starts_at=mark.at,
            charged=charged,
        )
        if (following := _one(tables, store.after(mark))) is not None:
            _end(tables, own, following.version, following.starts_at)
        if (preceding := _one(tables, store.before(mark))) is not None:
            _end(tables, preceding, mark.version, mark.at)

    def note_amount(self, amount: Amount) -> None:
        """Record an amount, or a larger one in its place: it may be told before all of it is known. Raises
        `NoPriceError`."""
        charged = charged_at(amount.charge_type, amount.charge_size, amount.units, amount.at)
        self._scoped(amount.tenant).try_write(store.put_amount(amount, charged), "billing.amount_noted")


class Bills:
    """The bills of tenants."""

    def __init__(self, scoped: ScopedTo, clock: Clock) -> None:
        self._scoped = scoped
        self._clock = clock

    def summary(self, tenant: str, start: datetime | None, end: datetime | None) -> Bill:
        """The amounts that a tenant owes for a period, by default thirty days. Raises `EdgeError` (bad request)."""
        now = self._clock.now()
        period = rules.period_of(start, end, now)
        return rules.bill_of(rules.parts_of(self._walk(tenant, period), period, now), period)

    def usage(self, tenant: str, start: datetime | None, end: datetime | None) -> Sequence[Part]:
        """The parts that a bill adds up, those that go on or end last first, `MOST_SHOWN` at most. Raises `EdgeError`
        (bad request)."""
        now = self._clock.now()
        period = rules.period_of(start, end, now)
        return list(islice(rules.parts_of(self._walk(tenant, period, MOST_SHOWN), period, now), MOST_SHOWN))

    def forecast(self, tenant: str) -> Forecast:
        """The amounts that a tenant will owe for this calendar month. Raises `EdgeError` (bad request)."""
        now = self._clock.now()
        period = rules.month_of(now)
        intervals = list(self._walk(tenant, period))
        so_far, expected = (
            rules.bill_of(rules.parts_of(intervals, period, until), period) for until in (now, period.end)
        )
        return Forecast(so_far, expected)

    def _walk(self, tenant: str, period: Period, limit: int | None = None) -> Iterator[Interval]:
        """The intervals that may lie in a period: those that end after its start. ``limit`` bounds a page. Raises
        `EdgeError` (bad request) beyond `MOST_ADDED`."""
        tables, read = self._scoped(tenant), 0
        for page in tables.pages(store.ending_after(to_seconds_text(period.start), limit)):
            read += len(page.items)
            if read > MOST_ADDED:
                raise rules.too_many(MOST_ADDED)
            yield from map(store.interval_in, page.items)


def _one(tables: Tables, query: Query) -> Interval | None:
    found = tables.query(query).items
    return store.interval_in(found[0]) if found else None


def _end(tables: Tables, interval: Interval, version: int, at: str) -> None:
    tables.try_write(store.end_at(interval, version, at), "billing.ended")
