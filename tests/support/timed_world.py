"""The whole application in a time that passes: how long work takes, what runs beside it, and what Lambda stops.

The model:

- *Calls take time*: a read of DynamoDB 5 ms, a single write 10 ms, a transaction 15 ms, a batch to SQS 10 ms, the
  start of a function 20 ms. The processor's time is not modelled. Queries that the real driver makes side by side are
  made one after the other here.
- *A function is killed at its timeout*, as `infra.functions` states it, times ``timeouts``. Its writes so far stay.
- *Queues* start as many copies as their function's concurrency allows, from 5 on and 5 more a second while there is a
  backlog, with batches of the stated size. Messages that failed, or whose function was killed, come again after the
  visibility timeout, and are dead letters after the stated number of receives.
- *Streams*: each of ``stream_shards`` shards of each table is read in order, 100 records a batch, one batch after the
  other, a quarter of a second after the first record at most.
- *Sweeps* run every minute; other schedules are started by hand (`TimedWorld.tick`).
- *Loops*: a message knows how often each function has run in the chain of messages that led to it. A function that
  would run for the 17th time is not started, and the message counts as failed. Streams and schedules begin new chains.
- *DynamoDB* refuses writes of a partition key above 1,000 units a second.

All copies work on the same tables, call by call in the order of time (`Timeline`).
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.bootstrap import platform_of
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Check, Delete, Item, Put, Table, Update, Write
from chalicelib.platform.context import QueueSource, StreamSource
from infra.functions import MAX_RECEIVES, VISIBILITY_TIMEOUTS, LambdaFunction, consumer_of, function
from tests.support.declared import RELAY, handler_of
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.dynamo import FakeDynamo
from tests.support.fakes.dynamo_stream import ChangeStream, StreamRecord
from tests.support.fakes.messaging import FakeSqs
from tests.support.fakes.timeline import Killed, Timeline
from tests.support.world import World, scheduled_event, sqs_record

READ_SECONDS = 0.005
WRITE_SECONDS = 0.010
TRANSACTION_SECONDS = 0.015
SEND_SECONDS = 0.010
START_SECONDS = 0.020
STREAM_SECONDS = 0.25
FIRST_COPIES = 5
MORE_COPIES_A_SECOND = 5
MOST_HOPS = 16
STREAM_SHARDS = 4
SWEEPS = ("sweep_commands", "sweep_webhooks")
SWEEP_SECONDS = 60
SEND = "send"

_ACTIONS = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem", Check: "ConditionCheckItem"}

Chain = Mapping[str, int]
"""How often each function has run on the way to a message."""


@dataclass
class Seen:
    """The record of a world's run: invocations by function, DynamoDB calls by operation, the longest chain by function,
    what must not happen, and how often work was noted to go on in another invocation (``parked``)."""

    invocations: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    hops: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    parked: int = 0
    touched: set[tuple[str, str, str]] = field(default_factory=set)
    """(function, action of DynamoDB or "send", table or queue): what a role has to allow."""


@dataclass(frozen=True)
class Context:
    """The context object that Lambda passes to a handler."""

    clock: FakeClock
    deadline: datetime

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - self.clock.now()).total_seconds() * 1000))


@dataclass
class Message:
    """A message in a queue."""

    entry: Mapping[str, Any]
    chain: Chain
    receives: int = 0


@dataclass(frozen=True)
class Invocation:
    """One call of a function: the function's name, and the chain of messages that led to it."""

    function: str
    chain: Chain


class CountingDynamo(FakeDynamo):
    """Calls by operation; change records go to the listener, and are not kept."""

    def __init__(
        self,
        tables: Sequence[Table],
        clock: FakeClock,
        seen: Seen,
        listen: Callable[[str, int, StreamRecord], None],
        touch: Callable[[str, str], None],
    ) -> None:
        super().__init__(tables, clock)
        self._seen = seen
        self._stream = _Tap(listen)
        self._touch = touch

    def _begin(self, operation: str, tables: Sequence[Table]) -> Callable[[], Any] | None:
        self._seen.calls[operation] += 1
        for table in tables if operation != "TransactWriteItems" else ():
            self._touch(operation, table.name)
        return super()._begin(operation, tables)

    def transact(self, writes: Sequence[Write], token: str) -> None:
        for write in writes:
            self._touch(_ACTIONS[type(write)], write.table.name)
        super().transact(writes, token)


class _Tap(ChangeStream):
    def __init__(self, listen: Callable[[str, int, StreamRecord], None]) -> None:
        super().__init__(STREAM_SHARDS)
        self._listen = listen
        self._told = 0

    @property
    def position(self) -> int:
        return self._told

    def append(self, table: Table, old: Item | None, new: Item | None, now: datetime, *, by_ttl: bool) -> None:
        super().append(table, old, new, now, by_ttl=by_ttl)
        while self._entries:
            entry = self._entries.pop(0)
            self._told += 1
            self._listen(entry.table, entry.shard, entry.record)


class PassingSqs(FakeSqs):
    """Hands over what it takes, and keeps nothing."""

    def __init__(self, clock: FakeClock, take: Callable[[str, Mapping[str, Any]], None]) -> None:
        super().__init__()
        self._clock = clock
        self._take = take

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803 - boto3's names
        self._clock.sleep(SEND_SECONDS)
        answer = super().send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        self.sent.clear()
        self.delayed.clear()
        self.batches.clear()
        for entry in Entries:
            self._take(QueueUrl.rsplit("/", 1)[1], entry)
        return answer


class TimedWorld(World):
    """``timeouts`` shortens or lengthens every function's timeout."""

    def __init__(self, *, timeouts: float = 1.0, **settings: Any) -> None:
        super().__init__(**{"command_default_deadline": 0, **settings})
        self.seen = Seen()
        self.timeouts = timeouts
        self.timeline = Timeline(self.clock)
        self._lost: set[str] = set()
        self._queues = {queue: _QueueSource(self, queue, handler) for queue, handler in self._workers.items()}
        self._readers = {
            (table.name, shard): _StreamReader(self)
            for table in self._families.tables
            if table.stream
            for shard in range(STREAM_SHARDS)
        }
        self.dead: list[tuple[Queue, Message]] = []
        """The messages that were received too often, with their queues."""
        self.driver = self._new_driver()
        self.driver.latency(
            READ_SECONDS,
            PutItem=WRITE_SECONDS,
            UpdateItem=WRITE_SECONDS,
            DeleteItem=WRITE_SECONDS,
            TransactWriteItems=TRANSACTION_SECONDS,
        )
        self.driver.partition_limit()
        self.queue_client = PassingSqs(self.clock, self._sent)
        self.platform = platform_of(self.platform.settings, self, lambda: self._families)
        for worker, seconds in self._schedules().items():
            self._sweep_every(seconds, worker)

    @property
    def is_quiet(self) -> bool:
        """Nothing is under way or waits, but for sweeps."""
        return all(source.is_idle for source in (*self._queues.values(), *self._readers.values()))

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> float:
        """Let so much time pass at most, or until this is so; returns how much has."""
        began = self.clock.now()
        self.timeline.run(began + timedelta(seconds=seconds), until or (lambda: False))
        return (self.clock.now() - began).total_seconds()

    def tick(self, worker: str) -> None:
        """Start a scheduled function now."""
        handler, event = handler_of(worker), scheduled_event(worker)
        self.invoke(function(worker), handler, event, {}, lambda _answer: None)

    def invoke(
        self,
        function: LambdaFunction,
        handler: str,
        event: Mapping[str, Any],
        chain: Chain,
        done: Callable[[Any], None],
    ) -> None:
        """Start a copy of a function; ``done`` hears of its answer, None where it failed or was killed."""
        name = function.name
        deadline = self.clock.now() + timedelta(seconds=function.timeout_seconds * self.timeouts)
        self.seen.invocations[name] += 1

        about = Invocation(name, {**chain, name: chain.get(name, 0) + 1})
        self.seen.hops[name] = max(self.seen.hops[name], about.chain[name])

        def work() -> None:
            answer = None
            try:
                self.clock.sleep(START_SECONDS)
                answer = self.call(handler, event, Context(self.clock, deadline)) or {}
            except Killed:
                self.seen.killed[name] += 1
            except Exception:  # noqa: BLE001 - as Lambda: the source hears that it failed
                self.seen.failed[name] += 1
            done(answer)

        self.timeline.start(work, deadline, about)

    @property
    def at_work(self) -> Invocation | None:
        """The invocation that asks this, if it is one."""
        activity = self.timeline.current
        return activity.about if activity is not None and isinstance(activity.about, Invocation) else None

    def _new_driver(self) -> CountingDynamo:
        return CountingDynamo(self._families.tables, self.clock, self.seen, self._changed, self._touched)

    def _schedules(self) -> Mapping[str, float]:
        """The functions that the clock starts, with the seconds from one start to the next."""
        return dict.fromkeys(SWEEPS, SWEEP_SECONDS)

    def _sweep_every(self, seconds: float, worker: str) -> None:
        def start() -> None:
            self.tick(worker)
            self.timeline.after(seconds, start)

        self.timeline.after(seconds, start)

    def _touched(self, action: str, target: str) -> None:
        if (here := self.at_work) is not None:
            self.seen.touched.add((here.function, action, target))

    def _sent(self, queue: str, entry: Mapping[str, Any]) -> None:
        self.seen.messages[queue] += 1
        self._touched(SEND, queue)
        if queue in self._queues:
            here = self.at_work
            message = Message(entry, {} if here is None else here.chain)
            self._queues[queue].add_after(float(entry.get("DelaySeconds") or 0), message)

    def lose_changes_of(self, operation: str) -> None:
        """From now on no stream tells of what this operation writes."""
        self._lost.add(operation)

    def copies(self, queue: Queue) -> int:
        """How many are at work on a queue now."""
        return self._queues[queue].busy

    def _changed(self, table: str, shard: int, record: StreamRecord) -> None:
        stamp = record["dynamodb"].get("NewImage", {}).get("changed_by", {}).get("M", {})
        operation = stamp.get("operation", {}).get("S", "")
        self.seen.parked += operation.endswith(".parked")
        if operation not in self._lost:
            self._readers[table, shard].add(record)


class _QueueSource:
    """Lambda's poller of one queue."""

    def __init__(self, world: TimedWorld, queue: Queue, handler: str) -> None:
        consumer = consumer_of(queue)
        assert consumer is not None
        assert isinstance(consumer.source, QueueSource)
        self._world, self._queue, self._function, self._source = world, queue, consumer, consumer.source
        self._handler = handler
        self._waiting: deque[Message] = deque()
        self._hidden = 0
        self.busy = 0
        self._busy_since = world.clock.now()

    @property
    def is_idle(self) -> bool:
        return not self._waiting and not self._hidden and not self.busy

    def add_after(self, seconds: float, message: Message) -> None:
        self._hidden += 1

        def show() -> None:
            self._hidden -= 1
            self._waiting.append(message)
            self._pump()

        self._world.timeline.after(seconds, show)

    def _pump(self) -> None:
        if not self.busy:
            self._busy_since = self._world.clock.now()
        while self._waiting and self.busy < self._copies():
            size = min(self._source.batch_size, len(self._waiting))
            self._deliver([self._waiting.popleft() for _ in range(size)])

    def _copies(self) -> int:
        seconds = (self._world.clock.now() - self._busy_since).total_seconds()
        return min(self._source.concurrency, FIRST_COPIES + int(MORE_COPIES_A_SECOND * seconds))

    def _deliver(self, batch: list[Message]) -> None:
        name, seen = self._function.name, self._world.seen
        chain = {key: max(message.chain.get(key, 0) for message in batch) for message in batch for key in message.chain}
        for message in batch:
            message.receives += 1
        if chain.get(name, 0) >= MOST_HOPS:
            seen.stopped[name] += 1
            self._again(batch)
            return
        self.busy += 1
        records = [sqs_record_of(message, str(index)) for index, message in enumerate(batch)]

        def done(answer: Any) -> None:
            self.busy -= 1
            failures = {each["itemIdentifier"] for each in (answer or {}).get("batchItemFailures", ())}
            failed = batch if answer is None else [batch[int(index)] for index in sorted(failures)]
            if failures:
                seen.failed[name] += len(failures)
            self._again(failed)
            self._pump()

        self._world.invoke(self._function, self._handler, {"Records": records}, chain, done)

    def _again(self, messages: list[Message]) -> None:
        """After the visibility timeout, which here is counted from the failure: a little late."""
        for message in messages:
            if message.receives >= MAX_RECEIVES:
                self._world.seen.dead[self._queue] += 1
                self._world.dead.append((self._queue, message))
            else:
                seconds = VISIBILITY_TIMEOUTS * self._function.timeout_seconds * self._world.timeouts
                self.add_after(seconds, message)


class _StreamReader:
    """Lambda's reader of one shard of one table's stream."""

    def __init__(self, world: TimedWorld) -> None:
        self._world, self._function = world, function("relay_changes")
        assert isinstance(self._function.source, StreamSource)
        self._batch_size = self._function.source.batch_size
        self._waiting: deque[StreamRecord] = deque()
        self._is_busy = False

    @property
    def is_idle(self) -> bool:
        return not self._waiting and not self._is_busy

    def add(self, record: StreamRecord) -> None:
        self._waiting.append(record)
        if not self._is_busy:
            self._is_busy = True
            self._world.timeline.after(STREAM_SECONDS, self._read)

    def _read(self) -> None:
        batch = [self._waiting[index] for index in range(min(self._batch_size, len(self._waiting)))]

        def done(answer: Any) -> None:
            if answer is not None:
                for _ in batch:
                    self._waiting.popleft()
            self._is_busy = bool(self._waiting)
            if self._is_busy:
                self._world.timeline.after(0, self._read)

        self._world.invoke(self._function, RELAY, {"Records": batch}, {}, done)


def sqs_record_of(message: Message, message_id: str) -> dict[str, Any]:
    """The record of a message that was sent."""
    trace = message.entry["MessageAttributes"]["request_id"]["StringValue"]
    attributes = {"request_id": {"stringValue": trace, "dataType": "String"}}
    return {
        **sqs_record(None, message_id),
        "body": message.entry["MessageBody"],
        "messageAttributes": attributes,
    }
