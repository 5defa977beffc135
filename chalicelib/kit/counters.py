"""Totals of large tables, kept from the change stream.

A total is spread over 16 rows (shards), so that no single row takes every write. A batch of changes counts once,
however often the stream repeats it: a row with the id of its first change, and how many changes follow, is created in
the same transaction. So it also counts once if it has grown when it is repeated. Totals lag by about a second, and
drift if the stream is lost for a day; `Counters.correct` repairs them.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
"""Rows per total, so that transactions of concurrent stream readers seldom conflict. They share a partition key: about
500 transactions a second (1,000 write units, DynamoDB's limit), each for up to 100 changes."""

STREAM_SECONDS = 20
"""The lag of the stream's reader that a recount allows for: about ten times the usual lag."""

_BATCH_MEMORY = timedelta(days=2)  # a stream repeats records for at most 24 hours
_BATCH_SHARD = "batch"
_CORRECTION = "correction"
_LATEST = "latest"
_MOST_NOTED = 1000
"""The number of totals whose latest time a container remembers."""


def total_of(table: str, attribute: str, value: str) -> str:
    """The name of the total of the rows with this value of an attribute. The total of all rows has the table's name."""
    return f"{table}#{attribute}#{value}"


def event_counter(event: str) -> str:
    """The name of the total of an event. It only grows, and is never recounted."""
    return f"happened#{event}"


def latest_of(total: str) -> Ref:
    """The row in which `Counters.note_latest` stores the latest time of a total's rows; read it with `noted`."""
    return Ref(TABLE, _latest_key(total))


def noted(row: Item | None) -> str | None:
    """The time in a row of `latest_of`."""
    at = None if row is None else row.get("at")
    return at if isinstance(at, str) else None


def _latest_key(total: str) -> Key:
    return {"total": total, "shard": _LATEST}


@dataclass(frozen=True)
class Move:
    """The totals that one change of a stream moves, each by how much. The id is unique among all streams."""

    change_id: str
    deltas: Mapping[str, int]


class Counters:
    """Adds deltas once per batch, reads totals in one call."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._noted: dict[str, str] = {}

    def add(self, moves: Sequence[Move]) -> None:
        """Add to each total what these changes move, which follow each other in a stream. A repeat adds nothing, and
        one with more changes at its end adds these, provided that a change always moves the same."""
        while moves:
            moves = moves[self._add_batch(moves) :]

    def count(self, total: str, count: int, *, by: str) -> None:
        """Add in one write, without protection against repeats: for figures that may be off after a crash. ``by`` names
        the event, whose hash chooses the shard."""
        shard = _shard_of(hashlib.sha256(by.encode()).digest())
        key = {"total": total, "shard": shard}
        self._tables.write(Update(TABLE, key, (Add("count", count),)), "counter.added")

    def note_latest(self, total: str, at: str) -> None:
        """Store a time of the total's rows, unless a later one is stored. May be repeated, and be called out of order.

        A time that this container has stored is not written again: within a second, many batches may end rows of one
        total.
        """
        if self._noted.get(total, "") >= at:
            return
        is_later = Or(Absent("at"), Less("at", at))
        self._tables.try_write(Update(TABLE, _latest_key(total), (Set("at", at),), is_later), "counter.latest")
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted[total] = at

    def read(self, total: str) -> int:
        """The sum over the shards, never negative; 0 for an unknown total."""
        return max(0, self._sum(total))

    def read_many(self, totals: Sequence[str]) -> dict[str, int]:
        """The value of each total. One query per total, some in parallel."""
        pages = self._tables.query_many([Query(TABLE, partition=total) for total in totals])
        return {total: max(0, _sum_of(page)) for total, page in zip(totals, pages, strict=True)}

    def recount(self, totals: Mapping[str, Sequence[Query]]) -> dict[str, int]:
        """Count the rows with each total's COUNT queries and correct the totals that are wrong; returns the
        corrections.

        Rows may change while they are counted. A total is suspect if the count lies outside the range of the counter's
        values before and after, and still does after `STREAM_SECONDS`, when the stream has caught up. A counter that
        goes up and down meanwhile looks so too, as that of executions which wait for a moment: a suspect is looked at
        once more, and is wrong only by what both looks find. Each look waits once, for all suspects together: after a
        lost stream, every total is wrong.
        """
        first = self._off(totals)
        second = self._off({total: totals[total] for total in first})
        wrong = {total: both for total, off in second.items() if (both := _in_common(first[total], off))}
        for total, difference in wrong.items():
            self.correct(total, difference)
        return wrong

    def _off(self, totals: Mapping[str, Sequence[Query]]) -> dict[str, int]:
        """How far these totals are from the count of their rows, those that are."""
        suspects: dict[str, tuple[int, int]] = {}
        for total, queries in totals.items():
            before = self._sum(total)
            rows = sum(page.count for query in queries for page in self._tables.pages(query))
            if _outside(rows, before, self._sum(total)):
                suspects[total] = rows, before
        if suspects:
            self._clock.sleep(STREAM_SECONDS)
        off = {total: _outside(rows, before, self._sum(total)) for total, (rows, before) in suspects.items()}
        return {total: difference for total, difference in off.items() if difference}

    def forget(self, total: str) -> None:
        """Remove a total whose rows are all gone. Late changes in the stream recreate it: call this again once they
        have been read."""
        page = self._tables.query(Query(TABLE, partition=total))
        if page.items:
            self._tables.commit([Delete(TABLE, TABLE.key_of(row)) for row in page.items], "counter.forgotten")

    def correct(self, total: str, difference: int) -> None:
        """Add a correction to a total."""
        key = {"total": total, "shard": _CORRECTION}
        self._tables.write(Update(TABLE, key, (Add("count", difference),)), "counter.corrected")

    def _sum(self, total: str) -> int:
        return _sum_of(self._tables.query(Query(TABLE, partition=total)))

    def _add_batch(self, moves: Sequence[Move]) -> int:
        """Count these as one batch; or, if a batch that began with the first of them was counted before, what a crash
        left of that one. Returns the number of changes that are counted now."""
        batch_id, size, part = moves[0].change_id, len(moves), 0
        while part < len(parts := _parts_of(moves[:size])):
            size = self._add_part(f"{batch_id}#{part}", parts[part], size)
            part += 1
        return size

    def _add_part(self, part_id: str, deltas: Sequence[tuple[str, int]], size: int) -> int:
        """Count a part of a batch of that size, or nothing if it is counted; returns the size that it was counted
        with."""
        digest = hashlib.sha256(part_id.encode()).digest()
        shard = _shard_of(digest)
        expires = int((self._clock.now() + _BATCH_MEMORY).timestamp())
        key = {"total": f"batch#{digest.hex()}", "shard": _BATCH_SHARD}
        seen = put_new(TABLE, {**key, "size": size, "expires_epoch": expires})
        additions = [Update(TABLE, {"total": total, "shard": shard}, (Add("count", delta),)) for total, delta in deltas]
        try:
            self._tables.commit([seen, *additions], "counter.added")
        except TransactionFailedError as error:
            if 0 not in error.failed:
                raise
            earlier = (error.failed[0] or {}).get("size")
            return earlier if isinstance(earlier, int) else size
        return size


def _parts_of(moves: Sequence[Move]) -> list[list[tuple[str, int]]]:
    """The sums of their deltas, in as many transactions as it takes: one without any, where they sum to nothing. That
    is noted too, since a part of the batch may have been counted before it had grown."""
    deltas: Counter[str] = Counter()
    for move in moves:
        for total, delta in move.deltas.items():
            deltas[total] += delta
    moving = [(total, delta) for total, delta in sorted(deltas.items()) if delta]
    if not moving and any(delta for move in moves for delta in move.deltas.values()):
        return [[]]
    room = TRANSACTION_LIMIT - 1
    return [moving[start : start + room] for start in range(0, len(moving), room)]


def _shard_of(digest: bytes) -> str:
    return f"{digest[0] % SHARDS:02d}"


def _sum_of(page: Page) -> int:
    return sum(count for row in page.items if isinstance(count := row.get("count"), int))


def _in_common(one: int, other: int) -> int:
    """The part that two differences share: 0 if one is too many and the other too few."""
    return min(one, other, key=abs) if one * other > 0 else 0


def _outside(rows: int, one_end: int, other_end: int) -> int:
    """The distance of a number of rows from a range, negative below it; 0 within."""
    return min(0, rows - min(one_end, other_end)) + max(0, rows - max(one_end, other_end))
