"""A DynamoDB in memory, behind the `Driver` protocol: the one fake of persistence.

It keeps the documented rules (conditions, limits, paging, projections, sparse indexes, billing) and shows on demand
what an emulator never shows: conflicts, throttling, lost answers, lagging indexes, several stream shards, a process
that dies after a write. Reads of a table itself never lag. Simplified: a page ends before 1 MB, not just after it; a
cancelled transaction is billed like a done one without its index writes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from copy import copy, deepcopy
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import (
    BusyError,
    Call,
    Check,
    ConditionFailedError,
    Delete,
    Item,
    Key,
    Meter,
    Page,
    Put,
    Query,
    Ref,
    RefusedError,
    Table,
    TransactionFailedError,
    Update,
    Write,
)
from chalicelib.kit.tables.conditions import evaluate
from tests.support.fakes.dynamo_faults import Crash, FaultKind, Faults, PartitionLimit
from tests.support.fakes.dynamo_indexes import Indexes, Lags
from tests.support.fakes.dynamo_rules import (
    TRANSACTION_LIMIT_BYTES,
    after,
    check_transaction,
    key_of,
    primary_key,
    put_by,
)
from tests.support.fakes.dynamo_sizes import index_write_units, item_bytes, project, read_units, stored, write_units
from tests.support.fakes.dynamo_stream import ChangeStream, StreamRecord
from tests.support.fakes.dynamo_views import PrimaryKey, View, check_start, copy_of, position_of

__all__ = ["Crash", "FakeDynamo", "Plan"]

PAGE_LIMIT_BYTES = 1024 * 1024
BATCH_GET_LIMIT = 100
BATCH_GET_LIMIT_BYTES = 16 * 1024 * 1024
TOKEN_SECONDS = 600
Plan = Sequence[tuple[Write, PrimaryKey, Item | None, Item | None]]
"""The writes of one call: each with its row's key, the row before and the row after."""

_OPERATIONS = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem"}


class FakeDynamo:
    """Implements `Driver`. One lock: any number of threads may use it."""

    def __init__(self, tables: Sequence[Table], clock: Clock, *, stream_shards: int = 1) -> None:
        self.meter = Meter()
        self.tokens_honoured = True
        self.on_write: Callable[[str, Plan], None] | None = None
        """Told of each call that writes, with its rows before and after; of none that fails."""
        self._clock = clock
        self._lock = RLock()
        self._tables = {table.name: table for table in tables}
        self._rows = {table.name: View(table.partition, table.sort) for table in tables}
        self._indexes = Indexes(tables, clock)
        self._latency_seconds = 0.0
        self._latencies: Mapping[str, float] = {}
        self._tokens: dict[str, tuple[datetime, tuple[Write, ...]]] = {}
        self._faults = Faults()
        self._partition_limit = PartitionLimit()
        self._stream = ChangeStream(stream_shards)

    def __deepcopy__(self, memo: Any) -> "FakeDynamo":
        """Another with the same rows, indexes and records. Faults that were arranged stay here."""
        twin = copy(self)
        twin.__dict__.update(
            meter=Meter(),
            on_write=None,
            _clock=deepcopy(self._clock, memo),
            _lock=RLock(),
            _rows={name: deepcopy(view) for name, view in self._rows.items()},
            _indexes=deepcopy(self._indexes, memo),
            _tokens={**self._tokens},
            _faults=Faults(),
            _partition_limit=PartitionLimit(),
            _stream=deepcopy(self._stream),
        )
        return twin

    # -- what a test looks at ------------------------------------------------------------------------------------

    def rows(self, table: Table) -> list[Item]:
        """All rows of a table, by primary key. Not metered."""
        with self._lock:
            return [copy_of(item) for item in self._all(table)]

    def tally(self, table: Table, attribute: str) -> Counter[Any]:
        """How many rows of a table say what in an attribute; None where one lacks it. Not metered."""
        with self._lock:
            return Counter(item.get(attribute) for item in self._rows[table.name].each())

    def row(self, table: Table, key: Key) -> Item | None:
        """One row, not metered."""
        with self._lock:
            return self._read(table, primary_key(table, key))

    def snapshot(self) -> dict[str, list[Item]]:
        """Every row of every table as it is kept, to compare before and after, and for nothing else."""
        with self._lock:
            return {name: self._all(table) for name, table in self._tables.items()}

    @property
    def stream_position(self) -> int:
        """A cursor for `records`: where the next change record will stand."""
        return self._stream.position

    def records(self, table: Table, since: int = 0) -> list[StreamRecord]:
        """The table's change records from a `stream_position` on, as a Lambda event carries them, shard after shard
        (in order within a shard only)."""
        return [record for shard in self.records_by_shard(table, since=since) for record in shard]

    def records_by_shard(self, *tables: Table, since: int = 0) -> list[list[StreamRecord]]:
        """As `records`, a list per shard."""
        with self._lock:
            return self._stream.by_shard(tables, since)

    # -- what a test arranges ------------------------------------------------------------------------------------

    def fail_next(
        self,
        count: int,
        kind: FaultKind,
        *,
        operation: str | None = None,
        table: Table | None = None,
        meanwhile: Callable[[], Any] | None = None,
    ) -> None:
        """The next `count` calls (of that AWS operation, on that table) fail.

        ``throttle``: refused, any call. ``conflict``: refused, writes only. ``lost_answer``: a write takes effect, its
        answer is lost, `meanwhile` runs, and the SDK sends it again: the second outcome is what the caller sees.
        """
        self._faults.add(kind, count, operation, table, meanwhile)

    def before_next(
        self, action: Callable[[], Any], *, operation: str | None = None, table: Table | None = None
    ) -> None:
        """Run `action` just before the next such call: another caller who is faster, and knows nothing of the context
        of this one."""
        self._faults.add("action", 1, operation, table, lambda: Context().run(action))

    def conflicts(self, probability: float, seed: int = 1) -> None:
        """This share of transactions is cancelled by conflicts. 0 ends it."""
        self._faults.conflict_with_probability(probability, seed)

    def transaction_seconds(self, seconds: float) -> None:
        """A transaction holds its rows this long on the clock; a write of one of them meanwhile is a conflict."""
        self._faults.hold_rows_for(seconds)

    def latency(self, seconds: float, **by_operation: float) -> None:
        """Every call first sleeps this long on the clock (see `FakeClock.run_together`), some operations otherwise."""
        self._latency_seconds = seconds
        self._latencies = by_operation

    def index_lag(self, seconds: float, lags: Lags = lambda _name: True) -> None:
        """From now on a write reaches the indexes this much later on the clock, or those partitions of them of which
        ``lags`` is true. 0 brings all up to date."""
        with self._lock:
            self._indexes.lag(seconds, lags)

    def crash_after(self, writes: int) -> None:
        """Raise `Crash` instead of answering the `writes`-th successful write or transaction from now."""
        self._faults.crash_after(writes)

    def partition_limit(self, units_per_second: float | None = 1000) -> None:
        """Throttle writes of one partition key, of a table or an index, above this rate. None ends it."""
        self._partition_limit.units_per_second = units_per_second

    def limit_partitions_by(self, limit: PartitionLimit) -> None:
        """From now on spend the units of each write on this limit, which may also count them."""
        self._partition_limit = limit

    def show_in_index(self, table: Table, index_name: str, key: PrimaryKey, item: Item) -> None:
        """Add an entry to one index alone, as an index that lags behind may show it."""
        self._indexes.show(table, table.index(index_name), key, item)

    def load(self, table: Table, items: Iterable[Item]) -> None:
        """Rows that have stood for long: as `rows` shows them, in every index, with no change record and no bill."""
        with self._lock:
            item = None
            for given in items:
                item = stored(table, {name: value for name, value in given.items() if value is not None}, item)
                key = primary_key(table, table.key_of(item))
                self._indexes.follow(table, key, self._kept(table, key), item)
                self._rows[table.name].put(key[0], key, item)

    def collect_expired(self) -> int:
        """Do what DynamoDB's TTL does at some time: delete rows whose `expires_at` has passed. Returns how many."""
        collected = 0
        with self._lock:
            for table in self._tables.values():
                for item in self.rows(table) if table.expires_at else []:
                    expiry = item.get(table.expires_at or "")
                    if isinstance(expiry, int) and expiry < self._clock.now().timestamp():
                        self._store(table, primary_key(table, table.key_of(item)), None, by_ttl=True)
                        collected += 1
        return collected

    # -- Driver --------------------------------------------------------------------------------------------------

    def get(self, ref: Ref, *, consistent: bool) -> Item | None:
        self._begin("GetItem", [ref.table])
        with self._lock:
            item = self._kept(ref.table, primary_key(ref.table, ref.key))
            self._record("GetItem", [ref.table], read=read_units(item_bytes(item), consistent=consistent))
            return None if item is None else copy_of(item)

    def batch_get(self, refs: Sequence[Ref], *, consistent: bool) -> tuple[list[tuple[Ref, Item]], list[Ref]]:
        tables = [ref.table for ref in refs]
        self._begin("BatchGetItem", tables)
        keys = [(ref.table.name, primary_key(ref.table, ref.key)) for ref in refs]
        if not 1 <= len(refs) <= BATCH_GET_LIMIT or len(set(keys)) != len(keys):
            raise RefusedError(f"BatchGetItem of {len(refs)} rows, {len(set(keys))} of them distinct")
        found: list[tuple[Ref, Item]] = []
        total_bytes, units = 0, 0.0
        with self._lock:
            for index, (ref, (_, key)) in enumerate(zip(refs, keys, strict=True)):
                item = self._kept(ref.table, key)
                size_bytes = item_bytes(item)
                if total_bytes + size_bytes > BATCH_GET_LIMIT_BYTES:
                    self._record("BatchGetItem", tables, read=units)
                    return found, list(refs[index:])
                total_bytes += size_bytes
                units += read_units(size_bytes, consistent=consistent)
                if item is not None:
                    found.append((ref, copy_of(item)))
            self._record("BatchGetItem", tables, read=units)
        return found, []

    def query(self, query: Query) -> Page:
        self._begin("Query", [query.table])
        with self._lock:
            chosen = self._select(query)
            taken: list[Item] = []
            size_bytes = 0
            for item in chosen[: query.limit]:
                more_bytes = item_bytes(item)
                if taken and size_bytes + more_bytes > PAGE_LIMIT_BYTES:
                    break
                size_bytes += more_bytes
                taken.append(item)
            # A page that is full by count ends with a key even when nothing follows, as DynamoDB's does.
            goes_on = len(taken) < len(chosen) or len(taken) == query.limit
            last_key = position_of(query.table, query.index, taken[-1]) if taken and goes_on else None
            self._record("Query", [query.table], read=read_units(size_bytes, consistent=query.consistent))
            return Page([] if query.count_only else [copy_of(item) for item in taken], len(taken), last_key)

    def query_many(self, queries: Sequence[Query]) -> list[Page]:
        return [self.query(query) for query in queries]

    def write(self, write: Put | Update | Delete) -> Item | None:
        operation = _OPERATIONS[type(write)]
        return self._deliver(operation, [write.table], lambda: self._write_once(operation, write))

    def transact(self, writes: Sequence[Write], token: str) -> None:
        tables = [write.table for write in writes]
        self._deliver("TransactWriteItems", tables, lambda: self._transact_once(writes, token))

    # -- one attempt ---------------------------------------------------------------------------------------------

    def _begin(self, operation: str, tables: Sequence[Table]) -> Callable[[], Any] | None:
        """Latency and faults of a call. Returns what happens between losing an answer and the repeat, if it is lost."""
        if unknown := [table.name for table in tables if table.name not in self._tables]:
            raise RefusedError(f"there is no table {unknown}")
        if seconds := self._latencies.get(operation, self._latency_seconds):
            self._clock.sleep(seconds)
        names = [table.name for table in tables]
        with self._lock:
            rule = self._faults.take(operation, names)
        if rule is None:
            return None
        if rule.kind == "lost_answer":
            return rule.action or _nothing
        if rule.kind == "action" and rule.action is not None:
            rule.action()
            return None
        self._record(operation, tables)
        raise BusyError(f"{rule.kind} (injected)")

    def _deliver(self, operation: str, tables: Sequence[Table], attempt: Callable[[], Item | None]) -> Item | None:
        """One write, or two where the first answer is lost."""
        meanwhile = self._begin(operation, tables)
        if meanwhile is not None:
            with suppress(ConditionFailedError, TransactionFailedError):
                attempt()
            meanwhile()
        with self._lock:
            try:
                answer = attempt()
            except BusyError:
                self._record(operation, tables)
                raise
            self._faults.count_write()
            return answer

    def _write_once(self, operation: str, write: Put | Update | Delete) -> Item | None:
        with self._lock:
            key = key_of(write)
            self._faults.refuse_held([(write.table.name, key)], self._clock.now())
            old = self._kept(write.table, key)
            put = put_by(write)
            if write.condition is not None and not evaluate(write.condition, old):
                self._record(operation, [write.table], write=write_units(old, None))
                raise ConditionFailedError(None if old is None else copy_of(old))
            new = put or after(write, old)
            self._pay(operation, [(write, key, old, new)], factor=1)
            self._store(write.table, key, new)
            return None if new is None else copy_of(new)

    def _transact_once(self, writes: Sequence[Write], token: str) -> None:
        with self._lock:
            check_transaction(writes)
            puts = [put_by(write) for write in writes]
            now = self._clock.now()
            if self._is_repeat(token, writes, now):
                self._record("TransactWriteItems", [write.table for write in writes])
                return
            rows = [(write.table.name, key_of(write)) for write in writes]
            self._faults.conflict_by_chance()
            self._faults.refuse_held(rows, now)
            olds = [self._kept(write.table, key) for write, (_, key) in zip(writes, rows, strict=True)]
            self._require_conditions(writes, olds)
            plan = [
                (write, row[1], old, put or after(write, old))
                for write, row, old, put in zip(writes, rows, olds, puts, strict=True)
            ]
            if sum(item_bytes(new) for _, _, _, new in plan) > TRANSACTION_LIMIT_BYTES:
                raise RefusedError(f"a transaction above {TRANSACTION_LIMIT_BYTES} bytes")
            self._pay("TransactWriteItems", plan, factor=2)
            for write, key, _, new in plan:
                if not isinstance(write, Check):
                    self._store(write.table, key, new)
            self._faults.hold(rows, now)
            self._tokens[token] = (now, tuple(writes))

    def _require_conditions(self, writes: Sequence[Write], olds: Sequence[Item | None]) -> None:
        failed = {
            index: None if old is None else copy_of(old)
            for index, (write, old) in enumerate(zip(writes, olds, strict=True))
            if write.condition is not None and not evaluate(write.condition, old)
        }
        if failed:
            units = sum(2 * write_units(old, None) for old in olds)
            self._record("TransactWriteItems", [write.table for write in writes], write=units)
            raise TransactionFailedError(failed)

    def _is_repeat(self, token: str, writes: Sequence[Write], now: datetime) -> bool:
        if not self.tokens_honoured or token not in self._tokens:
            return False
        at, content = self._tokens[token]
        if now - at > timedelta(seconds=TOKEN_SECONDS):
            return False
        if content != tuple(writes):
            raise RefusedError("IdempotentParameterMismatch")
        return True

    # -- storage -------------------------------------------------------------------------------------------------

    def _all(self, table: Table) -> list[Item]:
        return sorted(self._rows[table.name].each(), key=lambda item: primary_key(table, table.key_of(item)))

    def _kept(self, table: Table, key: PrimaryKey) -> Item | None:
        return self._rows[table.name].get(key[0], key)

    def _read(self, table: Table, key: PrimaryKey) -> Item | None:
        item = self._kept(table, key)
        return None if item is None else copy_of(item)

    def _store(self, table: Table, key: PrimaryKey, new: Item | None, *, by_ttl: bool = False) -> None:
        old = self._kept(table, key)
        self._rows[table.name].put(key[0], key, new)
        self._stream.append(table, old, new, self._clock.now(), by_ttl=by_ttl)
        self._indexes.follow(self._tables[table.name], key, old, new)

    def _select(self, query: Query) -> list[Item]:
        if query.limit is not None and query.limit < 1:
            raise RefusedError("a limit below 1")
        if query.index is None:
            view = self._rows[query.table.name]
        elif query.consistent:
            raise RefusedError("an index has no consistent reads")
        else:
            view = self._indexes.view(query.table, query.table.index(query.index.name), query.partition)
        start = None
        if query.start is not None:
            check_start(query)
            start = (primary_key(query.table, query.table.key_of(dict(query.start))), query.start)
        most = None if query.limit is None else query.limit + 1  # whether there is more decides about the key
        return view.select(query.partition, query.sort, start, descending=query.descending, most=most)

    # -- bill ----------------------------------------------------------------------------------------------------

    def _pay(self, operation: str, plan: Plan, *, factor: int) -> None:
        """Bill a call that will succeed, unless a partition is too hot for it."""
        costs: list[tuple[tuple[str, Any], float]] = []
        for write, key, old, new in plan:
            costs.append(((write.table.name, key[0]), factor * write_units(old, new)))
            for index in () if isinstance(write, Check) else write.table.indexes:
                if units := index_write_units(write.table, index, old, new):
                    entry = project(write.table, index, new) or project(write.table, index, old) or {}
                    costs.append(((f"{write.table.name}/{index.name}", entry[index.partition]), units))
        self._partition_limit.spend(costs, self._clock.now())
        self._record(operation, [step[0].table for step in plan], write=sum(units for _, units in costs))
        if self.on_write is not None:
            self.on_write(operation, plan)

    def _record(self, operation: str, tables: Sequence[Table], *, read: float = 0.0, write: float = 0.0) -> None:
        names = tables[0].name if len(tables) == 1 else ",".join(sorted({table.name for table in tables}))
        self.meter.record(Call(operation, names, read_units=read, write_units=write))


def _nothing() -> None:
    """Nothing happens meanwhile."""
