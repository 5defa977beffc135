"""`Tables`: the persistence port. Every store is a plain class on it.

Guarantees: each write is stamped with ``version`` (+1) and ``changed_by``; a write whose answer was lost takes effect
once, even if the SDK or this class repeats it; conflicts and throttling are retried with full jitter for at most
``repeat_seconds`` (transactions on one row run one after the other, so the last of 200 callers waits for 199). It does
not cache, does not order calls, and offers no scan.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from chalicelib.kit.backoff import Backoff
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.origin import current_origin
from chalicelib.kit.tables.acts import ActedOn, NoteAct, kind_of, untold
from chalicelib.kit.tables.attachments import NO_RESULT, AttachmentRefusedError, attachment_for
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
from chalicelib.kit.tables.keys import can_be, is_empty
from chalicelib.kit.tables.schema import Item, Key, Table
from chalicelib.kit.tables.stamps import is_written_by, stamped
from chalicelib.kit.tables.tenants import Shared, Tenant
from chalicelib.kit.tables.writes import Delete, Put, Update, Write

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

ALL_ROWS = Shared()
"""Addresses the tables that belong to no tenant."""


class Tables:
    """Reads and conditional writes over any `Driver`. ``note`` makes the writes that note acts of operators, if the
    change stream does not tell them; without it none is noted."""

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        ids: Ids,
        *,
        repeat_seconds: float = REPEAT_SECONDS,
        rows: Shared = ALL_ROWS,
        note: NoteAct | None = None,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._ids = ids
        self._repeat_seconds = repeat_seconds
        self._rows = rows
        self._note = note

    def scoped(self, tenant: str) -> "Tables":
        """A view that addresses the rows of this tenant alone, in tenanted tables alone. Raises ValueError for an id
        that is empty or contains `tenants.SEPARATOR`."""
        return Tables(
            self._driver,
            self._clock,
            self._ids,
            repeat_seconds=self._repeat_seconds,
            rows=Tenant(tenant),
            note=self._note,
        )

    @property
    def meter(self) -> Meter:
        return self._driver.meter

    def get(self, table: Table, key: Key, *, consistent: bool = True) -> Item | None:
        """One row, or None."""
        ref = self._rows.ref(Ref(table, key))
        if not can_be(ref):
            return None
        return self._rows.row(table, self._repeat(lambda: self._driver.get(ref, consistent=consistent)))

    def get_many(self, refs: Sequence[Ref], *, consistent: bool = True) -> list[Item | None]:
        """Rows of any tables, in the order asked for; one call per 100."""
        found: dict[_Identity, Item] = {}
        asked = list(map(self._rows.ref, refs))
        names = list(map(_identity, asked))
        distinct = [ref for ref in dict(zip(names, asked, strict=True)).values() if can_be(ref)]
        for start in range(0, len(distinct), BATCH_GET_LIMIT):
            self._collect(distinct[start : start + BATCH_GET_LIMIT], found, consistent=consistent)
        return [self._rows.row(ref.table, found.get(name)) for ref, name in zip(asked, names, strict=True)]

    def query(self, query: Query) -> Page:
        """One page of one partition."""
        sent = self._rows.query(query)
        if is_empty(sent):
            return Page([], 0, None)
        return self._rows.page(query, self._repeat(lambda: self._driver.query(sent)))

    def query_many(self, queries: Sequence[Query]) -> list[Page]:
        """A page of each of several partitions, in the order asked for."""
        sent = list(map(self._rows.query, queries))
        asked = [query for query in sent if not is_empty(query)]
        pages = iter(self._repeat(lambda: self._driver.query_many(asked)) if asked else [])
        found = [Page([], 0, None) if is_empty(query) else next(pages) for query in sent]
        return list(map(self._rows.page, queries, found))

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

        A repeat after a lost answer is recognised by the stamp of the row, but not if another changed it in between:
        use `commit` for that, whose token DynamoDB remembers, or `add`.
        """
        if self._notes([write], operation):
            return self._write_noted(write, operation)
        write_id = self._new_write_id()
        sent = stamped(self._rows.write(write), write_id, operation, self._clock.now(), self._rows.tenant)
        try:
            return self._rows.row(write.table, self._repeat(lambda: self._driver.write(sent)))
        except ConditionFailedError as error:
            error.current = self._rows.row(write.table, error.current)
            if isinstance(write, Delete):
                if error.current is None and write.was_read:
                    return None
            elif is_written_by(error.current, write_id):
                return error.current
            raise

    def try_write(self, write: Put | Update | Delete, operation: str) -> bool:
        """Make one conditional write as `write` does; returns False if the condition does not hold."""
        try:
            self.write(write, operation)
        except ConditionFailedError:
            return False
        return True

    def apply(self, write: Put | Update, operation: str, *, result: object) -> None:
        """Make one conditional write, as `write` does, as the effect of the current work with this result: with what is
        attached to it (`attachments`), if anything is. Raises `AttachmentRefusedError`, and the errors of `write`."""
        if attachment_for(result) is None:
            self.write(write, operation)
            return
        try:
            self.commit([write], operation, result=result)
        except TransactionFailedError as error:
            raise ConditionFailedError(error.failed[0]) from error

    def add(self, write: Put, operation: str, *, result: object) -> None:
        """As `apply`, for a new row under a key that this call alone has chosen: one that is there is its own, of an
        attempt whose answer was lost, also if another has changed it since."""
        with suppress(ConditionFailedError):
            self.apply(write, operation, result=result)

    def commit(
        self,
        writes: Sequence[Write],
        operation: str,
        *,
        beside: Sequence[Write] = (),
        result: object = NO_RESULT,
        acts_on: Sequence[ActedOn] = (),
    ) -> None:
        """Make up to 100 writes in one transaction, including the one that may be attached to an effect with this
        ``result`` (`attachments`), and those that note what an operator acts on (`acts`). ``beside`` are writes to
        tables without tenants, which a view of one tenant makes together with its own. ``acts_on`` are things without a
        row among the writes. Raises `TransactionFailedError`, `AttachmentRefusedError`, and `EdgeError` as `write`."""
        attachment = attachment_for(result)
        whole = [*map(self._rows.write, writes), *map(ALL_ROWS.write, beside)]
        if attachment is not None:
            whole.append(attachment.write_of(result))
        own = len(writes) + len(beside)
        whole += self._notes([*writes, *beside], operation, acts_on)
        if len(whole) > TRANSACTION_LIMIT:
            raise ValueError(f"a transaction takes at most {TRANSACTION_LIMIT} writes, not {len(whole)}")
        write_id, now = self._new_write_id(), self._clock.now()
        sent = [stamped(write, write_id, operation, now, self._rows.tenant) for write in whole]
        try:
            self._repeat(lambda: self._driver.transact(sent, write_id))
        except TransactionFailedError as error:
            error.failed = {index: self._rows.row(whole[index].table, row) for index, row in error.failed.items()}
            # The token makes a repeat safe for ten minutes, on every emulator except one; the stamp always does.
            if not any(is_written_by(row, write_id) for row in error.failed.values()):
                if attachment is not None and own in error.failed:
                    raise AttachmentRefusedError from error
                raise
        if attachment is not None:
            attachment.is_written = True

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

    def _notes(self, writes: Sequence[Write], operation: str, acts_on: Sequence[ActedOn] = ()) -> list[Put]:
        """The further writes that note the acts of the current origin with these. An act of the operator
        on rows of a tenant is noted in that tenant."""
        origin = current_origin()
        if self._note is None or not origin.verb:
            return []
        origin = origin._replace(tenant=origin.tenant or self._rows.tenant)
        given = [one for one in acts_on if one.kind == kind_of(origin.verb)]
        return [self._note(origin, one) for one in dict.fromkeys([*untold(writes, operation, origin.verb), *given])]

    def _write_noted(self, write: Put | Update | Delete, operation: str) -> Item | None:
        """`write`, in a transaction with the notes of its acts."""
        try:
            self.commit([write], operation)
        except TransactionFailedError as error:
            current = error.failed.get(0)
            if isinstance(write, Delete) and write.was_read and current is None:
                return None
            raise ConditionFailedError(current) from error
        return None if isinstance(write, Delete) else self.get(write.table, write.key)

    def _new_write_id(self) -> str:
        return self._ids.token_bytes(12).hex()

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


def _identity(ref: Ref) -> _Identity:
    table, key = ref
    return table.name, key[table.partition], None if table.sort is None else key[table.sort]
