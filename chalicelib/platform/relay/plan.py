"""The messages, events and totals of a batch of changes, collected change by change."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kit.counters import Move
from chalicelib.kit.queues import Message, Queue, batches, body_bytes
from chalicelib.platform.context import Send
from chalicelib.platform.events.queues import EVENTS


@dataclass
class Plan:
    """``latest`` maps a total to the latest time at which one of its rows ended."""

    messages: dict[Queue, list[Message]] = field(default_factory=dict)
    request_ids: dict[Queue, str] = field(default_factory=dict)
    events: list[Message] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    latest: dict[str, str] = field(default_factory=dict)

    def add_messages(self, request_id: str, sends: Iterable[Send]) -> None:
        """Queue the work that a change asks for. The messages of a queue share a request id: that of the first change
        that asks for one of them."""
        for send in sends:
            self._note(send.queue, request_id)
            self.messages.setdefault(send.queue, []).append(send.message)

    def add_end(self, total: str, at: str) -> None:
        """A row of the total ended."""
        self.latest[total] = max(at, self.latest.get(total, ""))

    def add_events(self, request_id: str, envelopes: Iterable[Mapping[str, Any]]) -> None:
        """Queue envelopes; the request id of each stays beside it for the log."""
        for envelope in envelopes:
            self._note(EVENTS, request_id)
            self.events.append({"request_id": request_id, "envelope": envelope})

    def ready(self, first: Collection[Queue] = ()) -> Iterator[tuple[Queue, list[Message]]]:
        """Everything to send, queue by queue: these queues first, events last."""
        yield from ((queue, messages) for queue, messages in self.messages.items() if queue in first)
        yield from ((queue, messages) for queue, messages in self.messages.items() if queue not in first)
        if self.events:
            yield EVENTS, [{"events": chunk} for chunk in batches(self.events, body_bytes)]

    def _note(self, queue: Queue, request_id: str) -> None:
        self.request_ids[queue] = self.request_ids.get(queue) or request_id
