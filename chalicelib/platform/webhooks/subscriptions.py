"""Finds the webhooks that subscribe to an event."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.queues import Queues, Traced
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.webhook_store import WebhookStore

LONGEST_USE = timedelta(seconds=5)
"""How long the subscriptions are cached. Messages for a webhook that was deleted meanwhile are dropped at delivery."""

SETTLING = timedelta(seconds=2)
"""Cached subscriptions are used only for events that are older by this much: the lag of the index, plus the difference
of clocks. So a backlog is published with few reads, and yet a webhook misses no event after its creation."""


class Subscriptions:
    """Queues one message for each event and webhook that go together. Safe to repeat: deliveries know their event."""

    def __init__(self, store: WebhookStore, queues: Queues, clock: Clock) -> None:
        self._store = store
        self._queues = queues
        self._clock = clock
        self._read_at: datetime | None = None
        self._by_type: dict[str, list[str]] = {}

    def queue_deliveries(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Each event is the id of the request that it comes from, which its deliveries carry on, and its envelope.

        Raises `QueueError` when a message is not taken; all may be queued again.
        """
        if not events:
            return
        by_type = self._subscribers(max(parse_time(str(envelope["time"])) for _, envelope in events))
        queued_at = to_seconds_text(self._clock.now())
        messages = [
            Traced({"webhook_id": webhook_id, "queued_at": queued_at, "event": envelope}, request_id)
            for request_id, envelope in events
            for webhook_id in by_type.get(str(envelope["type"]), [])
        ]
        self._queues.send(WEBHOOK_DELIVERIES, messages)

    def _subscribers(self, newest_event: datetime) -> Mapping[str, list[str]]:
        """Event type -> the webhooks that subscribe to it. One query, unless the last one still serves."""
        now = self._clock.now()
        read_at = self._read_at
        if read_at is None or now - read_at > LONGEST_USE or read_at < newest_event + SETTLING:
            by_type: dict[str, list[str]] = {}
            for item in self._store.subscriptions():
                events = item.get("subscribed_events")
                for event_type in events if isinstance(events, list) else []:
                    by_type.setdefault(str(event_type), []).append(str(item["id"]))
            self._by_type, self._read_at = by_type, now
        return self._by_type
