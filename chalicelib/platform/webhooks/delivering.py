"""Delivers one event to one webhook: the use case of the worker.

A message may come twice, late, or beside another for the same delivery. The row decides: the worker that takes its
lease makes the attempt, all others do nothing. If a worker dies, the sweep finds the delivery when the lease is over.
So an event reaches its receiver at least once, and twice only if a worker dies between the receiver's answer and the
next write; the receiver recognises it by its id.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.counters import Counters, event_counter
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS, Queues
from chalicelib.platform.webhooks.attempts import (
    Policy,
    begin,
    delivery_id_of,
    expire,
    finish,
    hold,
    is_too_old,
    may_start,
    new_delivery,
    succeeded,
)
from chalicelib.platform.webhooks.delivery_store import DeliveryStore
from chalicelib.platform.webhooks.health import health_after, may_probe, probed
from chalicelib.platform.webhooks.model import Delivery, DeliveryStatus, Outcome, Webhook
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.sending import Sender
from chalicelib.platform.webhooks.webhook_store import WebhookStore

_CAME_TO = {
    DeliveryStatus.SUCCEEDED: "ok",
    DeliveryStatus.PENDING: "recoverable",
    DeliveryStatus.FAILED: "terminal",
    DeliveryStatus.EXPIRED: "terminal",
}
"""The outcome of an attempt, by the delivery's status after it."""

_PAUSE_ENDED = 0
_TAKEN_OVER = 0
"""The index of the deciding condition in the two transactions below."""


class Delivering:
    """Delivers events to webhooks: at most one attempt per message, whose outcome is stored in the delivery's row."""

    def __init__(
        self,
        webhooks: WebhookStore,
        deliveries: DeliveryStore,
        sender: Sender,
        queues: Queues,
        clock: Clock,
        ids: Ids,
        policy: Policy,
        counters: Counters,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._sender = sender
        self._queues = queues
        self._clock = clock
        self._ids = ids
        self._policy = policy
        self._counters = counters

    def queued(self, webhook_id: str, event: Mapping[str, Any], queued_at: str) -> None:
        """Deliver an event that was queued for a webhook. Raises `EdgeError` (service unavailable) if the message must
        be repeated."""
        delivery_id = delivery_id_of(str(event["id"]), webhook_id)

        def draft(webhook: Webhook) -> Delivery:
            return new_delivery(webhook.id, event, queued_at, self._policy.max_attempts, webhook.form)

        self._deliver(webhook_id, delivery_id, draft)

    def again(self, webhook_id: str, delivery_id: str) -> None:
        """Continue an existing delivery. Raises `EdgeError` (service unavailable) if the message must be repeated."""
        self._deliver(webhook_id, delivery_id, None)

    def _deliver(self, webhook_id: str, delivery_id: str, draft: Callable[[Webhook], Delivery] | None) -> None:
        for _ in self._webhooks.tries():
            webhook, stored = self._deliveries.with_webhook(webhook_id, delivery_id)
            if webhook is None:
                if stored is not None:
                    self._deliveries.remove(stored)
                return
            if stored is not None:
                is_settled = not may_start(stored, self._clock.now()) or self._advance(webhook, stored, stored)
            else:
                is_settled = draft is None or self._advance(webhook, None, draft(webhook))
            if is_settled:
                return
        raise unavailable()

    def _advance(self, webhook: Webhook, stored: Delivery | None, delivery: Delivery) -> bool:
        """Expire, hold or attempt a delivery. False if the webhook's state has changed: the caller reads again.
        ``stored`` is None for a delivery without a row."""
        now = self._clock.now()
        if is_too_old(delivery, now, self._policy):
            self._write(stored, expire(delivery, now), "webhook_delivery.expired")
            return True
        if webhook.is_paused and not delivery.is_forced:
            if not may_probe(webhook, now):
                return self._hold(webhook, stored, hold(delivery, now))
            probing = self._webhooks.replace(webhook, probed(webhook, now), "webhook.probed")
            if probing is None:
                return False
            self._attempt(probing, stored, delivery, is_probe=True)
        else:
            self._attempt(webhook, stored, delivery, is_probe=False)
        return True

    def _hold(self, webhook: Webhook, stored: Delivery | None, held: Delivery) -> bool:
        """Hold the delivery, in a transaction with a check that the pause lasts: so the end of the pause finds all held
        deliveries."""
        if stored is not None and stored.is_held:
            return True
        write = self._deliveries.adding(held) if stored is None else self._deliveries.replacing(stored, held)
        writes = (self._webhooks.still_paused(webhook.id), write)
        return _PAUSE_ENDED not in self._deliveries.commit(writes, "webhook_delivery.held")

    def _attempt(self, webhook: Webhook, stored: Delivery | None, delivery: Delivery, *, is_probe: bool) -> None:
        claimed = self._write(stored, begin(delivery, self._clock.now()), "webhook_delivery.begun")
        if claimed is not None and not claimed.is_final:
            outcome = self._sender.attempt(webhook, claimed)
            self._record(webhook, claimed, outcome, is_probe=is_probe)

    def _write(self, stored: Delivery | None, delivery: Delivery, operation: str) -> Delivery | None:
        """The row; None if another worker was faster."""
        if stored is not None:
            return self._deliveries.replace(stored, delivery, operation)
        row, is_new = self._deliveries.add(delivery, operation)
        return row if is_new else None

    def _record(self, webhook: Webhook, claimed: Delivery, outcome: Outcome, *, is_probe: bool) -> None:
        """The delivery's next state, and its webhook's in the same transaction where that changes too."""
        now, fraction = self._clock.now(), self._ids.fraction()
        finished = finish(claimed, outcome, now, fraction, self._policy)
        success = succeeded(outcome)
        current: Webhook | None = webhook
        for _ in self._webhooks.tries():
            if current is None:
                self._deliveries.remove(claimed)
                return
            after = health_after(current, now, fraction, success=success, is_probe=is_probe)
            failed = self._commit(claimed, finished, current, after)
            if not failed:
                self._ask_for_next(finished, now)
                self._count(finished)
            if not failed or _TAKEN_OVER in failed:
                return
            current, _ = self._deliveries.with_webhook(webhook.id, claimed.id)
        raise unavailable()

    def _commit(self, claimed: Delivery, finished: Delivery, current: Webhook, after: Webhook) -> frozenset[int]:
        """The indexes of the refused writes, as in a transaction of both."""
        operation = "webhook_delivery.attempted"
        if after is current:
            written = self._deliveries.replace(claimed, finished, operation)
            return frozenset({_TAKEN_OVER}) if written is None else frozenset()
        writes = (self._deliveries.replacing(claimed, finished), self._webhooks.replacing(current, after))
        return self._deliveries.commit(writes, operation)

    def _count(self, delivery: Delivery) -> None:
        """Count the attempt by its outcome, first attempts separately. One write."""
        kind = "first_attempt" if delivery.attempt_count == 1 else "attempt"
        total = event_counter(f"webhook.{kind}.{_CAME_TO[delivery.status]}")
        self._counters.count(total, 1, by=f"{delivery.id}#{delivery.attempt_count}")

    def _ask_for_next(self, delivery: Delivery, now: datetime) -> None:
        """Send the message for the next attempt, delayed. An attempt that is later than SQS can delay is left to the
        sweep, as is a lost message."""
        if delivery.next_attempt_at is None:
            return
        delay = ceil((parse_time(delivery.next_attempt_at) - now).total_seconds())
        if delay <= LONGEST_DELAY_SECONDS:
            message = {"webhook_id": delivery.webhook_id, "delivery_id": delivery.id}
            self._queues.send(WEBHOOK_DELIVERIES, [message], delay_seconds=max(delay, 0))
