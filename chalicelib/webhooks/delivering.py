"""Delivers one event to one webhook: the use case of the worker.

A message may come twice, late, or beside another for the same delivery. The row decides: whoever takes its lease makes
the attempt, all others do nothing; what a dead worker left behind is found by the sweep once the lease is over. So an
event reaches its receiver at least once, and twice only where a worker dies between the receiver's answer and the next
write; its id tells.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS, Queue, Queues
from chalicelib.webhooks.attempts import (
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
from chalicelib.webhooks.delivery_store import DeliveryStore
from chalicelib.webhooks.health import health_after, may_probe, probed
from chalicelib.webhooks.model import Delivery, Outcome, Webhook
from chalicelib.webhooks.sending import Sender
from chalicelib.webhooks.webhook_store import WebhookStore

_ATTEMPTS = 10
"""Each lost race means that another delivery moved the webhook's state; more than this at once is a fault."""


class Delivering:
    """Makes at most one attempt a message."""

    def __init__(
        self,
        webhooks: WebhookStore,
        deliveries: DeliveryStore,
        sender: Sender,
        queues: Queues,
        clock: Clock,
        ids: Ids,
        policy: Policy,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._sender = sender
        self._queues = queues
        self._clock = clock
        self._ids = ids
        self._policy = policy

    def queued(self, webhook_id: str, event: Mapping[str, Any], queued_at: str) -> None:
        """An event that was queued for a webhook. Raises `EdgeError` (unavailable): try again."""
        delivery_id = delivery_id_of(str(event["id"]), webhook_id)
        self._deliver(webhook_id, delivery_id, new_delivery(webhook_id, event, queued_at, self._policy.max_attempts))

    def again(self, webhook_id: str, delivery_id: str) -> None:
        """A delivery that there is already. Raises `EdgeError` (unavailable): try again."""
        self._deliver(webhook_id, delivery_id, None)

    def _deliver(self, webhook_id: str, delivery_id: str, draft: Delivery | None) -> None:
        for _ in range(_ATTEMPTS):
            webhook, stored = self._deliveries.with_webhook(webhook_id, delivery_id)
            if webhook is None:
                if stored is not None:
                    self._deliveries.remove(stored)
                return
            if stored is not None or draft is not None:
                step = _Step(webhook, stored or draft, is_stored=stored is not None)
                if not self._take(step):
                    continue
            return
        raise unavailable()
