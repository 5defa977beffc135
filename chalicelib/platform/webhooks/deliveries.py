"""Use cases of operators: the log of deliveries, tests and redelivery.

A requested delivery is stored as due now, and the change stream sends its message. If that is lost, the sweep finds the
row within a minute or two. A bulk redelivery is a task.
"""

from datetime import datetime

from chalicelib.kit.clock import Clock, parse_time, to_microseconds_text, to_seconds_text
from chalicelib.kit.errors import conflict, not_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.platform.webhooks.attempts import Policy, ask, new_delivery, redeliver
from chalicelib.platform.webhooks.delivery_store import DeliveryStore
from chalicelib.platform.webhooks.model import TEST_EVENT_TYPE, Delivery, DeliveryStatus
from chalicelib.platform.webhooks.service import Webhooks
from chalicelib.platform.webhooks.store import delivery_from_item, log_of

_REDELIVERED = frozenset({DeliveryStatus.FAILED, DeliveryStatus.EXPIRED})


class Deliveries:
    """``source`` and ``core_name`` go into the envelope of a test."""

    def __init__(
        self,
        webhooks: Webhooks,
        store: DeliveryStore,
        clock: Clock,
        ids: Ids,
        *,
        policy: Policy,
        source: str,
        core_name: str,
        lists: Lists,
    ) -> None:
        self._webhooks = webhooks
        self._store = store
        self._clock = clock
        self._ids = ids
        self._policy = policy
        self._source = source
        self._core_name = core_name
        self._lists = lists

    def get(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Raises `EdgeError` (not found), also for a delivery of another webhook."""
        self._webhooks.get(webhook_id)
        delivery = self._store.find(delivery_id)
        if delivery is None or delivery.webhook_id != webhook_id:
            raise not_found()
        return delivery

    def list_page(self, webhook_id: str, request: ListRequest) -> ListPage[Delivery]:
        """One page of a webhook's log. Raises `EdgeError` (not found), (bad request) if there is too much to read."""
        self._webhooks.get(webhook_id)
        return self._lists.page(log_of(webhook_id), request).map(delivery_from_item)

    def test(self, webhook_id: str) -> Delivery:
        """Send an event of type `TEST_EVENT_TYPE`, once, also to a paused webhook; if it arrives, the pause is over.
        Raises `EdgeError` (not found)."""
        webhook = self._webhooks.get(webhook_id)
        now = self._clock.now()
        event_id = self._ids.uuid7(now)
        envelope = {
            "specversion": "1.0",
            "id": event_id,
            "source": self._source,
            "type": TEST_EVENT_TYPE,
            "time": to_microseconds_text(now),
            "datacontenttype": "application/json",
            "corename": self._core_name,
            "data": {"webhook_id": webhook.id},
        }
        asked = ask(new_delivery(webhook.id, envelope, to_seconds_text(now), 1, webhook.form), now, is_forced=True)
        self._store.add_asked(asked, "webhook_delivery.tested")
        return asked

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send an event again under its id, also to a paused webhook, with as many attempts as a new one. Raises
        `EdgeError` (not found), (conflict) while an attempt is in progress."""
        delivery = self.get(webhook_id, delivery_id)
        renewed = redeliver(delivery, self._clock.now(), self._policy, is_forced=True)
        if not self._store.change(delivery, renewed, "webhook_delivery.redelivered"):
            raise conflict("the delivery was changed by an attempt: try again")
        return renewed

    def redeliver_since(self, webhook_id: str, since: datetime) -> str:
        """Redeliver all failed and expired deliveries that were first queued since then; returns the time of the
        request, up to which it applies. A paused webhook stays paused. Workers do it, chunk by chunk. Raises
        `EdgeError` (not found)."""
        webhook = self._webhooks.get(webhook_id)
        now = self._clock.now()
        until = to_seconds_text(now)
        self._store.ask_redelivery(webhook.id, to_seconds_text(since), until, now)
        return until

    def redeliver_chunk(self, webhook_id: str, since: str, until: str, cursor: str | None) -> str | None:
        """Redeliver a part of the log; returns the cursor of the next part, None at the end. A repeat does nothing
        twice: redelivered rows are newer than ``until``, even by a clock that is behind the requester's."""
        chunk = self._store.chunk(webhook_id, cursor, since)
        now = max(self._clock.now(), parse_time(until))
        for delivery in self._store.find_many(chunk.ids):
            if delivery.status in _REDELIVERED and delivery.queued_at < until:
                renewed = redeliver(delivery, now, self._policy, is_forced=False)
                self._store.replace(delivery, renewed, "webhook_delivery.redelivered")
        return chunk.cursor

    def clean_up_chunk(self, webhook_id: str, cursor: str | None) -> str | None:
        """Remove a part of the log of a deleted webhook. Returns where the next begins, None at the end; safe to
        repeat."""
        chunk = self._store.chunk(webhook_id, cursor)
        self._store.remove_all(chunk.ids)
        return chunk.cursor
