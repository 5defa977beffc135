"""The sweep of webhooks: requeues overdue deliveries (their message was lost, or due later than SQS can delay one),
probes paused webhooks, and releases held deliveries."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.queues import Message, Queues
from chalicelib.platform.webhooks.attempts import Policy, expire, is_too_old, postpone, release
from chalicelib.platform.webhooks.delivery_store import DeliveryStore
from chalicelib.platform.webhooks.health import is_drained
from chalicelib.platform.webhooks.model import Delivery, Webhook
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.webhook_store import WebhookStore

PAGE = 100
"""Rows of a webhook read at a time."""

DUE_PER_SHARD = 25
"""Rows of each of 16 shards read at a time: with events as large as can be 50 MB of a function's memory, and some
seconds of single writes, after which the time is looked at."""


class Sweep:
    """The cost depends on the due rows. Every step may be repeated, also concurrently: the later one finds the row
    changed."""

    def __init__(
        self, webhooks: WebhookStore, deliveries: DeliveryStore, queues: Queues, clock: Clock, policy: Policy
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._queues = queues
        self._clock = clock
        self._policy = policy

    def run(self, budget_seconds: float) -> None:
        """Sweep for about this long; the rest stays due. Webhooks get the second half of the time, in turns of one
        page, so that a long backlog does not block the others."""
        started = self._clock.now()
        self._requeue(started + timedelta(seconds=budget_seconds / 2))
        end = started + timedelta(seconds=budget_seconds)
        turns = deque(self._attend(webhook) for page in self._webhooks.due_pages(started) for webhook in page)
        while turns and self._clock.now() < end:
            attending = turns.popleft()
            if next(attending, False):
                turns.append(attending)

    def _requeue(self, end: datetime) -> None:
        """The due time of each is moved before its message is sent: if that is lost, it comes up again."""
        while self._clock.now() < end:
            now = self._clock.now()
            due = self._deliveries.due(now, DUE_PER_SHARD)
            if not due:
                return
            put_off = [self._deliveries.replace(row, postpone(row, now), "webhook_delivery.requeued") for row in due]
            self._send([row for row in put_off if row is not None])

    def _attend(self, webhook: Webhook) -> Iterator[bool]:
        """Process the due work of a webhook, page by page: True while there may be more."""
        return self._queue_probe(webhook) if webhook.is_paused else self._release_all(webhook)

    def _queue_probe(self, webhook: Webhook) -> Iterator[bool]:
        """Let the oldest held delivery probe the webhook. Without one, the next event does."""
        for waiting in self._deliveries.held_pages(webhook.id, PAGE):
            for delivery in waiting:
                if not self._expired(delivery):
                    self._send([delivery])
                    return
            yield True

    def _release_all(self, webhook: Webhook) -> Iterator[bool]:
        waited = False
        for waiting in self._deliveries.held_pages(webhook.id, PAGE):
            now = self._clock.now()
            waited = waited or bool(waiting)
            fresh = [delivery for delivery in waiting if not self._expired(delivery)]
            released = [self._deliveries.replace(row, release(row, now), "webhook_delivery.released") for row in fresh]
            self._send([row for row in released if row is not None])
            yield True
        if not waited and is_drained(webhook, self._clock.now()):
            self._webhooks.replace(webhook, webhook.model_copy(update={"due_at": None}), "webhook.drained")

    def _expired(self, delivery: Delivery) -> bool:
        now = self._clock.now()
        if not is_too_old(delivery, now, self._policy):
            return False
        self._deliveries.replace(delivery, expire(delivery, now), "webhook_delivery.expired")
        return True

    def _send(self, deliveries: list[Delivery]) -> None:
        messages: list[Message] = [{"webhook_id": row.webhook_id, "delivery_id": row.id} for row in deliveries]
        self._queues.send(WEBHOOK_DELIVERIES, messages)
