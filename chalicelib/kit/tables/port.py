"""`Tables`: the persistence port. Every store is a plain class on it.

Guarantees: each write is stamped with ``version`` (+1) and ``changed_by``; a write whose answer was lost takes effect
once, even if the SDK or this class repeats it; conflicts and throttling are retried with full jitter for at most
``repeat_seconds`` (transactions on one row run one after the other, so the last of 200 callers waits for 199). It does
not cache, does not order calls, and offers no scan.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, overload

from chalicelib.kit.backoff import Backoff
from chalicelib.kit.clock import Clock, to_microseconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.origin import current_origin
from chalicelib.kit.tables.conditions import Add, And, Between, Condition, Equals, Not, Set
from chalicelib.kit.tables.driver import (
    BusyError,
    ConditionFailedError,
    Driver,
    Meter,
    Page,
    Query,
    Ref,
    TransactionFailedError,
)
from chalicelib.kit.tables.schema import Item, Key, Table, Value
from chalicelib.kit.tables.writes import Check, Delete, Put, Update, Write

T = TypeVar("T")

_Identity = tuple[str, str | int, str | int | None]

BATCH_GET_LIMIT = 100
"""Rows in one BatchGetItem (DynamoDB API reference)."""

TRANSACTION_LIMIT = 100
"""Writes in one TransactWriteItems (DynamoDB API reference)."""

REPEAT_SECONDS = 5.0
"""How long conflicts and throttling are retried before the caller gets 503."""

_FIRST_PAUSE_SECONDS = 0.025
_LONGEST_PAUSE_SECONDS = 1.0

TRIES = 20
"""The number of attempts at a read-decide-write before it gives up on a contended row. With the pauses, they take about
`REPEAT_SECONDS`."""

_LONGEST_TURN_SECONDS = 0.5


class Tables:
    """Reads and conditional writes over any `Driver`."""

    def __init__(self, driver: Driver, clock: Clock, ids: Ids, *, repeat_seconds: float = REPEAT_SECONDS) -> None:
        self._driver = driver
        self._clock = clock
        self._ids = ids
        self._repeat_seconds = repeat_seconds

    @property
    def meter(self) -> Meter:
        return self._driver.meter

    def get(self, table: Table, key: Key, *, consistent: bool = True) -> Item | None:
        """One row, or None."""
        return self._repeat(lambda: self._driver.get(Ref(table, key), consistent=consistent))

    def get_many(self, refs: Sequence[Ref], *, consistent: bool = True) -> list[Item | None]:
        """Rows of any tables, in the order asked for; one call per 100."""
        found: dict[_Identity, Item] = {}
        names = [_identity(ref) for ref in refs]
        distinct = list(dict(zip(names, refs, strict=True)).values())
        for start in range(0, len(distinct), BATCH_GET_LIMIT):
            self._collect(distinct[start : start + BATCH_GET_LIMIT], found, consistent=consistent)
        return [found.get(name) for name in names]

    def query(self, query: Query) -> Page:
        """One page of one partition."""
        if _is_empty(query):
            return Page([], 0, None)
        return self._repeat(lambda: self._driver.query(query))

    def query_many(self, queries: Sequence[Query]) -> list[Page]:
        """A page of each of several partitions, in the order asked for."""
        asked = [query for query in queries if not _is_empty(query)]
        pages = iter(self._repeat(lambda: self._driver.query_many(asked)) if asked else [])
        return [Page([], 0, None) if _is_empty(query) else next(pages) for query in queries]

    def pages(self, query: Query) -> Iterator[Page]:
        """All pages of one partition, read lazily."""
        page = self.query(query)
        yield page
        while page.last_key is not None:
            page = self.query(replace(query, start=page.last_key))
            yield page

    def write(self, write: Put | Update | Delete, operation: str) -> Item | None:
        """Make one conditional write; returns the row afterwards (None after a delete).

        ``operation`` names the change (``execution.acknowledged``); events are derived from it. Raises
        `ConditionFailedError` with the current row, and `EdgeError` (service unavailable) if conflicts do not end.

        A repeat after a lost answer is recognised by the stamp of the row, but not if another writer changed it in
        between. For a change that must not count twice even then, use `commit`, whose token DynamoDB remembers.
        """
        write_id = self._new_write_id()
        stamped = self._stamp(write, write_id, operation)
        try:
            return self._repeat(lambda: self._driver.write(stamped))
        except ConditionFailedError as error:
            if isinstance(write, Delete):
                if error.current is None and write.was_read:
                    return None
            elif _written_by(error.current, write_id):
                return error.current
            raise

    def try_write(self, write: Put | Update | Delete, operation: str) -> bool:
        """Make one conditional write as `write` does; returns False if the condition does not hold."""
        try:
            self.write(write, operation)
        except ConditionFailedError:
            return False
        return True

    def commit(self, writes: Sequence[Write], operation: str) -> None:
        """Make up to 100 writes in one transaction. Raises `TransactionFailedError`, and `EdgeError` as `write` does
        (service unavailable)."""
        if len(writes) > TRANSACTION_LIMIT:
            raise ValueError(f"a transaction takes at most {TRANSACTION_LIMIT} writes, not {len(writes)}")
        write_id = self._new_write_id()
        stamped = [self._stamp(write, write_id, operation) for write in writes]
        try:
            self._repeat(lambda: self._driver.transact(stamped, write_id))
        except TransactionFailedError as error:
            # The token makes a repeat safe for ten minutes, on every emulator except one; the stamp always does.
            if not any(_written_by(row, write_id) for row in error.failed.values()):
                raise

    def tries(self) -> Iterator[None]:
        """Retry loop for read-decide-write: yields up to `TRIES` times, with full jitter in between. Leave the loop
        with `return` or `break` on success; falling out of it means that every attempt lost the race.
        """
        backoff = Backoff(
            self._clock, self._ids, first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_TURN_SECONDS
        )
        yield
        for _ in range(TRIES - 1):
            backoff.pause()
            yield

    def _collect(self, refs: Sequence[Ref], found: dict[_Identity, Item], *, consistent: bool) -> None:
        """Read `refs` with BatchGetItem into `found`, and retry the unprocessed keys."""
        unread: Sequence[Ref] = refs

        def attempt() -> None:
            nonlocal unread
            items, unread = self._driver.batch_get(unread, consistent=consistent)
            found.update((_identity(ref), item) for ref, item in items)
            if unread:
                raise BusyError("BatchGetItem left keys unprocessed")

        self._repeat(attempt)

    def _new_write_id(self) -> str:
        return self._ids.token_bytes(12).hex()

    @overload
    def _stamp(self, write: Put | Update | Delete, write_id: str, operation: str) -> Put | Update | Delete: ...

    @overload
    def _stamp(self, write: Write, write_id: str, operation: str) -> Write: ...

    def _stamp(self, write: Write, write_id: str, operation: str) -> Write:
        origin = current_origin()
        changed_by: dict[str, Value] = {
            "write_id": write_id,
            "operation": operation,
            "request_id": origin.request_id,
            "actor": origin.actor,
            "address": origin.address,
            "at": to_microseconds_text(self._clock.now()),
        }
        match write:
            case Put():
                item = {name: value for name, value in write.item.items() if value is not None}
                return replace(write, item={**item, "version": 1, "changed_by": changed_by})
            case Update():
                changes = (*write.changes, Add("version", 1), Set("changed_by", changed_by))
                # Otherwise an unconditional change that the SDK repeats would be applied twice.
                fresh = Not(Equals("changed_by.write_id", write_id))
                condition: Condition = fresh if write.condition is None else And(write.condition, fresh)
                return replace(write, changes=changes, condition=condition)
            case Delete() | Check():
                return write

    def _repeat(self, attempt: Callable[[], T]) -> T:
        """Run `attempt` until it does not raise `BusyError`, with full jitter, for at most `repeat_seconds`."""
        started = self._clock.now()
        try:
            return attempt()
        except BusyError as error:
            busy = error
        backoff = Backoff(
            self._clock,
            self._ids,
            first_seconds=_FIRST_PAUSE_SECONDS,
            longest_seconds=_LONGEST_PAUSE_SECONDS,
            patience=timedelta(seconds=self._repeat_seconds),
            started=started,
        )
        while backoff.pause():
            try:
                return attempt()
            except BusyError as error:
                busy = error
        raise unavailable() from busy


def _written_by(row: Item | None, write_id: str) -> bool:
    stamp = (row or {}).get("changed_by")
    return isinstance(stamp, dict) and stamp.get("write_id") == write_id


def _identity(ref: Ref) -> _Identity:
    table, key = ref
    return table.name, key[table.partition], None if table.sort is None else key[table.sort]


def _is_empty(query: Query) -> bool:
    """Whether the range can contain nothing; DynamoDB would refuse it."""
    return isinstance(query.sort, Between) and query.sort.low > query.sort.high  # type: ignore[operator]
