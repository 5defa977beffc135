"""The messages, events and totals of a batch of changes, collected change by change."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kit.queues import Message, Queue, batches, body_bytes
from chalicelib.platform.context import Send
from chalicelib.platform.events.queues import EVENTS


@dataclass
class Plan:
    """``request_id`` is that of the first change: messages of a batch share one, each event keeps its own. ``latest``
    maps a total to the latest time at which one of its rows ended."""

    messages: dict[Queue, list[Message]] = field(default_factory=dict)
    events: list[Message] = field(default_factory=list)
    deltas: Counter[str] = field(default_factory=Counter)
    latest: dict[str, str] = field(default_factory=dict)
    request_id: str = ""

    def add_messages(self, request_id: str, sends: Iterable[Send]) -> None:
        """Queue the work that a change asks for."""
        self.request_id = self.request_id or request_id
        for send in sends:
            self.messages.setdefault(send.queue, []).append(send.message)

    def add_end(self, total: str, at: str) -> None:
        """A row of the total ended."""
        self.latest[total] = max(at, self.latest.get(total, ""))

    def add_deltas(self, deltas: Counter[str]) -> None:
        """Move the totals by as much."""
        for total, delta in deltas.items():
            self.deltas[total] += delta

    def add_events(self, request_id: str, envelopes: Iterable[Mapping[str, Any]]) -> None:
        """Queue envelopes; the request id stays beside them for the log."""
        self.events.extend({"request_id": request_id, "envelope": envelope} for envelope in envelopes)

    def ready(self, first: Collection[Queue] = ()) -> Iterator[tuple[Queue, list[Message]]]:
        """Everything to send, queue by queue: these queues first, events last."""
        yield from ((queue, messages) for queue, messages in self.messages.items() if queue in first)
        yield from ((queue, messages) for queue, messages in self.messages.items() if queue not in first)
        if self.events:
            yield EVENTS, [{"events": chunk} for chunk in batches(self.events, body_bytes)]
