"""What nobody would come back to: deliveries whose message was lost, or is further off than SQS can delay one; webhooks
whose pause is over; and what waited for a webhook that is well again."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.queues import Message, Queue, Queues
from chalicelib.webhooks.attempts import Policy, expire, is_too_old, postpone, release
from chalicelib.webhooks.delivery_store import DeliveryStore
from chalicelib.webhooks.health import is_drained
from chalicelib.webhooks.model import Delivery, Webhook
from chalicelib.webhooks.webhook_store import WebhookStore

PAGE = 100
"""Rows read at a time, of each shard or webhook."""


class Sweep:
    """Costs what is due. Anything may be repeated, also beside itself: who is late finds the row changed."""

    def __init__(
        self, webhooks: WebhookStore, deliveries: DeliveryStore, queues: Queues, clock: Clock, policy: Policy
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._queues = queues
        self._clock = clock
        self._policy = policy

    def run(self, budget_seconds: float) -> None:
        """Ends after about so long; what is left stays due. Webhooks get the second half."""
        started = self._clock.now()
        self._requeue(started + timedelta(seconds=budget_seconds / 2))
        end = started + timedelta(seconds=budget_seconds)
        for page in self._webhooks.due_pages(started):
            for webhook in page:
                if self._clock.now() >= end:
                    return
                self._attend(webhook, end)

    def _requeue(self, end: datetime) -> None:
        """Each is put off before its message is sent: one that is lost comes up again."""
        while self._clock.now() < end:
            now = self._clock.now()
            due = self._deliveries.due(now, PAGE)
            if not due:
                return
            put_off = [self._deliveries.replace(row, postpone(row, now), "webhook_delivery.requeued") for row in due]
            self._send([row for row in put_off if row is not None])

    def _attend(self, webhook: Webhook, end: datetime) -> None:
        if webhook.is_paused:
            self._queue_probe(webhook, end)
        else:
            self._release_all(webhook, end)

    def _queue_probe(self, webhook: Webhook, end: datetime) -> None:
        """The oldest that waits may try. Where none does, the next event will."""
        for waiting in self._waiting(webhook, end):
            for delivery in waiting:
                if not self._expired(delivery):
                    self._send([delivery])
                    return

    def _release_all(self, webhook: Webhook, end: datetime) -> None:
        waited = False
        for waiting in self._waiting(webhook, end):
            now = self._clock.now()
            waited = waited or bool(waiting)
            fresh = [delivery for delivery in waiting if not self._expired(delivery)]
            released = [self._deliveries.replace(row, release(row, now), "webhook_delivery.released") for row in fresh]
            self._send([row for row in released if row is not None])
        if not waited and is_drained(webhook, self._clock.now()):
            self._webhooks.replace(webhook, webhook.model_copy(update={"due_at": None}), "webhook.drained")

    def _waiting(self, webhook: Webhook, end: datetime) -> Iterator[list[Delivery]]:
        for page in self._deliveries.held_pages(webhook.id, PAGE):
            yield page
            if self._clock.now() >= end:
                return

    def _expired(self, delivery: Delivery) -> bool:
        now = self._clock.now()
        if not is_too_old(delivery, now, self._policy):
            return False
        self._deliveries.replace(delivery, expire(delivery, now), "webhook_delivery.expired")
        return True

    def _send(self, deliveries: list[Delivery]) -> None:
        messages: list[Message] = [{"webhook_id": row.webhook_id, "delivery_id": row.id} for row in deliveries]
        self._queues.send(Queue.WEBHOOK_DELIVERIES, messages, group_by="webhook_id")
