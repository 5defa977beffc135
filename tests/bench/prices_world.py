"""A `World` with a bill: what each invocation and request would be charged on AWS.

Units, messages, events, frames, log bytes and answers are counted; how long Lambda runs follows from the calls made and
the assumed times of each.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

from chalicelib.families import deployed
from chalicelib.kit.tables import Call
from chalicelib.platform.context import QueueSource
from chalicelib.platform.families import Families
from infra.functions import function
from tests.bench import prices
from tests.bench.prices import Usage
from tests.bench.prices_logs import logged, rest_line_bytes, socket_line_bytes
from tests.support.callers import bill_of, operator
from tests.support.client import Client, HttpAnswer
from tests.support.fakes.messaging import FakeSqs
from tests.support.world import World

CHUNK_BYTES = 64 * 1024
"""What SQS counts as one request."""

_SOCKET_HANDLERS = {"connect", "message", "disconnect"}
_POSTS_AT_ONCE = 8


class _PricedSqs(FakeSqs):
    """Also knows how many requests its batches are charged as."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.grouped = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803 - boto3's names
        answer = super().send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        chunks = ceil(sum(len(entry["MessageBody"].encode()) for entry in Entries) / CHUNK_BYTES)
        self.requests += chunks
        self.grouped += chunks if any("MessageGroupId" in entry for entry in Entries) else 0
        return answer


FLEET_ALONE = deployed("fleet")
"""The families of a deployment without any above the fleet."""


class PricedWorld(World):
    """``spent`` is what was used so far. Unless ``families`` says otherwise, it is the fleet alone."""

    def __init__(self, *, families: Families = FLEET_ALONE, **settings: Any) -> None:
        super().__init__(families=families, **settings)
        self.queue_client = self._sqs = _PricedSqs()
        self.spent = Usage()
        self._bill = bill_of(self)

    def client(self) -> "PricedClient":
        return PricedClient(operator(self), self)

    def call(self, handler: str, event: Mapping[str, Any]) -> Any:
        """As `World.call`; the bill grows by the invocation."""
        module, name = handler.rsplit(".", 2)[1:]
        each = function(f"websocket_{name}" if name in _SOCKET_HANDLERS else module)
        with self.invocation(each.name):
            answer = super().call(handler, event)
        if isinstance(each.source, QueueSource):
            self.spent += Usage(sqs_requests=2)  # received and deleted
        if name == "message":
            self.spent += Usage(socket_messages=1)
        if name in _SOCKET_HANDLERS:
            self.spent += logged(socket_line_bytes())
        return answer

    @contextmanager
    def invocation(self, name: str) -> Iterator[None]:
        """What happens meanwhile is done by one invocation of that function."""
        before = self._counts()
        calls_before = len(self._bill.all)
        yield
        sent, grouped, events, frames, received, received_bytes, log_bytes = (
            after - past for after, past in zip(self._counts(), before, strict=True)
        )
        calls = self._bill.all[calls_before:]
        each = function(name)
        waited_ms = sum(_milliseconds(call) for call in calls)
        waited_ms += sent * prices.SEND_MS.value + ceil(events / 10) * prices.BUS_MS.value
        waited_ms += ceil(frames / _POSTS_AT_ONCE) * prices.POST_MS.value + received * prices.RECEIVER_MS.value
        own_ms = prices.OWN_CODE.value * max(1.0, prices.WHOLE_PROCESSOR.value / each.memory_mb)
        self.spent += Usage(
            lambda_requests=1,
            lambda_gb_seconds=each.memory_mb / 1024 * (waited_ms + own_ms) / 1000,
            read_units=sum(call.read_units for call in calls),
            write_units=sum(call.write_units for call in calls),
            sqs_requests=sent,
            fair_queue_requests=3 * grouped,  # sent, received, deleted
            bus_events=events,
            socket_messages=frames,
            egress_bytes=received_bytes + received * prices.HEADERS.value,
        ) + logged(log_bytes)

    def _counts(self) -> tuple[int, ...]:
        lines = self.lines.texts
        return (
            self._sqs.requests,
            self._sqs.grouped,
            len(self.bus_client.entries),
            sum(len(frames) for frames in self.socket_client.frames.values()),
            len(self.exchange.received),
            sum(len(one.body) for one in self.exchange.received),
            sum(len(line.encode()) for line in lines) + len(lines) * int(prices.LINE_OVERHEAD.value),
        )


class PricedClient(Client):
    """The routes, each request on the bill."""

    def __init__(self, client: Client, world: PricedWorld) -> None:
        self.__dict__.update(client.__dict__)
        self._world = world

    def request(self, method: str, path: str, **options: Any) -> HttpAnswer:
        with self._world.invocation(_API.name):
            answer = super().request(method, path, **options)
        self._world.spent += Usage(rest_requests=1, egress_bytes=len(answer.text.encode()) + prices.HEADERS.value)
        self._world.spent += logged(rest_line_bytes())
        return answer


_API = function("api_handler")


def _milliseconds(call: Call) -> float:
    if call.operation == "TransactWriteItems":
        return prices.TRANSACTION_MS.value
    return (prices.WRITE_MS if call.operation in {"PutItem", "UpdateItem", "DeleteItem"} else prices.READ_MS).value
