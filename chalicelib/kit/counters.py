"""Totals of large tables, kept from the change stream.

A total is spread over 16 rows, so that no single row takes every write of a fleet. A batch of changes counts once,
however often the stream repeats it: the row that names the batch is put in the same transaction as the additions.
Totals are about a second late, and drift if the stream is lost for a day; `Counters.correct` mends them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import (
    TRANSACTION_LIMIT,
    Absent,
    Add,
    Delete,
    Item,
    Key,
    Less,
    Or,
    Page,
    Query,
    Ref,
    Set,
    Table,
    Tables,
    TransactionFailedError,
    Update,
    put_new,
)

TABLE = Table(name="counters", partition="total", sort="shard", expires_at="expires_epoch")

SHARDS = 16
"""Rows per total, so that transactions of several readers of the stream seldom meet on one. They share a partition key:
about 500 transactions a second (1,000 write units, DynamoDB's limit), each for up to 100 changes."""

STREAM_SECONDS = 20
"""How far a recount expects the stream's reader to be behind: some ten times what it usually is."""

_BATCH_MEMORY = timedelta(days=2)  # a stream repeats records for at most 24 hours
_BATCH_SHARD = "batch"
_CORRECTION = "correction"
_LATEST = "latest"
_MOST_NOTED = 1000
"""Totals whose latest time a container remembers."""


def total_of(table: str, attribute: str, value: str) -> str:
    """The total of the table's rows whose attribute has this value; that of all its rows bears the table's name."""
    return f"{table}#{attribute}#{value}"


def happened(what: str) -> str:
    """The total of how often something happened. It only grows, and nothing recounts it."""
    return f"happened#{what}"


def latest_of(total: str) -> Ref:
    """Where `Counters.note_latest` notes the latest time of a total's rows; read it with `noted`."""
    return Ref(TABLE, _latest_key(total))


def noted(row: Item | None) -> str | None:
    """The time that stands in a row of `latest_of`."""
    at = None if row is None else row.get("at")
    return at if isinstance(at, str) else None


def _latest_key(total: str) -> Key:
    return {"total": total, "shard": _LATEST}


class Counters:
    """Adds deltas once per batch, reads totals in one call."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._noted: dict[str, str] = {}

    def add(self, batch_id: str, deltas: Mapping[str, int]) -> None:
        """Add to each total. The same ``batch_id`` again changes nothing, provided that its deltas are the same."""
        moving = [(total, delta) for total, delta in sorted(deltas.items()) if delta]
        room = TRANSACTION_LIMIT - 1
        for place, start in enumerate(range(0, len(moving), room)):
            self._add_part(f"{batch_id}#{place}", moving[start : start + room])

    def count(self, total: str, count: int, *, by: str) -> None:
        """Add without a memory of batches, in one write: for figures that may be off by a crash. ``by`` names what
        happened, and so spreads the writes over the shards."""
        shard = _shard_of(hashlib.sha256(by.encode()).digest())
        key = {"total": total, "shard": shard}
        self._tables.write(Update(TABLE, key, (Add("count", count),)), "counter.added")

    def note_latest(self, total: str, at: str) -> None:
        """Note a time of the total's rows, unless a later one is noted. May be repeated, and come late.

        What this container has noted already is not written again: many batches of a second end rows of one total.
        """
        if self._noted.get(total, "") >= at:
            return
        is_later = Or(Absent("at"), Less("at", at))
        self._tables.try_write(Update(TABLE, _latest_key(total), (Set("at", at),), is_later), "counter.latest")
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted[total] = at

    def read(self, total: str) -> int:
        """The sum over the shards, never negative; 0 for a total that nothing was ever added to."""
        return max(0, self._sum(total))

    def read_many(self, totals: Sequence[str]) -> dict[str, int]:
        """`read` for each, one query a total, some at the same time."""
        pages = self._tables.query_many([Query(TABLE, partition=total) for total in totals])
        return {total: max(0, _sum_of(page)) for total, page in zip(totals, pages, strict=True)}

    def recount(self, totals: Mapping[str, Sequence[Query]]) -> dict[str, int]:
        """Count the rows of each total's COUNT queries and mend what is wrong; returns by how much each was off.

        While rows come and go, what a counter moved in the meantime is no error: only a count outside of all that
        the counter has said is one, and only if it still is once the stream has been read up to it. That is waited
        for once, however many are off: after a lost stream all of them are.
        """
        suspects: dict[str, tuple[int, int]] = {}
        for total, queries in totals.items():
            before = self._sum(total)
            rows = sum(page.count for query in queries for page in self._tables.pages(query))
            if _outside(rows, before, self._sum(total)):
                suspects[total] = rows, before
        if suspects:
            self._clock.sleep(STREAM_SECONDS)
        off = {total: _outside(rows, before, self._sum(total)) for total, (rows, before) in suspects.items()}
        wrong = {total: difference for total, difference in off.items() if difference}
        for total, difference in wrong.items():
            self.correct(total, difference)
        return wrong

    def forget(self, total: str) -> None:
        """Remove a total whose rows are all gone. What the stream tells of them later begins it anew: forget it again
        once that has been read."""
        page = self._tables.query(Query(TABLE, partition=total))
        if page.items:
            self._tables.commit([Delete(TABLE, TABLE.key_of(row)) for row in page.items], "counter.forgotten")

    def correct(self, total: str, difference: int) -> None:
        """Shift a total that a recount found to be wrong."""
        key = {"total": total, "shard": _CORRECTION}
        self._tables.write(Update(TABLE, key, (Add("count", difference),)), "counter.corrected")

    def _sum(self, total: str) -> int:
        return _sum_of(self._tables.query(Query(TABLE, partition=total)))

    def _add_part(self, part_id: str, deltas: list[tuple[str, int]]) -> None:
        digest = hashlib.sha256(part_id.encode()).digest()
        shard = _shard_of(digest)
        expires = int((self._clock.now() + _BATCH_MEMORY).timestamp())
        seen = put_new(TABLE, {"total": f"batch#{digest.hex()}", "shard": _BATCH_SHARD, "expires_epoch": expires})
        additions = [Update(TABLE, {"total": total, "shard": shard}, (Add("count", delta),)) for total, delta in deltas]
        try:
            self._tables.commit([seen, *additions], "counter.added")
        except TransactionFailedError as error:
            if 0 not in error.failed:
                raise


def _shard_of(digest: bytes) -> str:
    return f"{digest[0] % SHARDS:02d}"


def _sum_of(page: Page) -> int:
    return sum(count for row in page.items if isinstance(count := row.get("count"), int))


def _outside(rows: int, one_end: int, other_end: int) -> int:
    """By how much a number of rows is above or below a range; 0 within."""
    return min(0, rows - min(one_end, other_end)) + max(0, rows - max(one_end, other_end))
