"""Rows of webhooks and of deliveries: tables, keys, indexes and attribute names."""

from typing import Any

from chalicelib.kit.listing import (
    LISTED_AT,
    Choice,
    Custom,
    IndexSource,
    Listing,
    Moment,
    Text,
    Uuid,
    all_rows,
    fixed,
)
from chalicelib.kit.tables import Change, Index, Item, Key, Set, Table, Thing
from chalicelib.platform.webhooks.model import Delivery, Webhook

LISTING = "webhooks"
"""The single partition of the index `listing`, which webhooks that belong to something are not in. Operators
create webhooks one by one, so it is never hot."""

DUE = "webhooks"
"""The one partition of the index `due` of webhooks: only those that are paused, or were a minute ago."""

SHARDS = 4
"""Partitions of one webhook's log."""

DUE_SHARDS = 16
"""The number of partitions of due deliveries: every delivery of every webhook passes through."""

WEBHOOKS = Table(
    "webhooks",
    partition="id",
    indexes=(
        # The attributes for publishing an event, which reads no row. They do not include the state of deliveries.
        Index("listing", "listing", "id", ("url", "subscribed_events", "inserted_at", "updated_at")),
        Index("due", "due", "due_at"),
    ),
    stream=True,
    thing=Thing("webhook"),
)

DELIVERIES = Table(
    "webhook_deliveries",
    partition="id",
    indexes=(
        Index(
            "by_webhook",
            "webhook_shard",
            "listed_at",
            ("status", "event_type", "event_id", "inserted_at", "updated_at"),
        ),
        Index("due", "due_shard", "due_at", ("webhook_id",)),
        Index("held", "held_for", "listed_at"),
    ),
    stream=True,
    # Operations of operators. Events come with their own messages; attempts are frequent and need no message.
    relayed=frozenset({"webhook_delivery.tested", "webhook_delivery.redelivered"}),
    unparked=frozenset({"envelope_gz"}),
    expires_at="expires_epoch",
    thing=Thing("webhook", id="webhook_id"),
)

ALL_WEBHOOKS = IndexSource(index="listing", partitions=fixed(LISTING), totals=all_rows(WEBHOOKS))

TOTALS = ALL_WEBHOOKS.counted(WEBHOOKS)
"""The totals that are kept as counters, and the queries of a recount."""


def _is_subscribed(item: Item, wanted: object) -> bool:
    events = item.get("subscribed_events")
    return isinstance(events, list) and wanted in events


FIELDS = {
    "url": Text("url"),
    "event_type": Custom(("subscribed_events",), lambda item, wanted, _now: _is_subscribed(item, wanted)),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of webhooks."""

WEBHOOK_LIST = Listing(WEBHOOKS, fields=FIELDS, sources=(ALL_WEBHOOKS,))

DELIVERY_FIELDS = {
    "status": Choice("status"),
    "event_type": Text("event_type"),
    "event_id": Uuid("event_id"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of a log."""


def log_of(webhook_id: str) -> Listing:
    """The deliveries of one webhook."""
    shards = fixed(*(webhook_shard(webhook_id, shard) for shard in range(SHARDS)))
    source = IndexSource(index="by_webhook", partitions=shards, insertion=LISTED_AT)
    return Listing(DELIVERIES, fields=DELIVERY_FIELDS, sources=(source,))


def webhook_key(webhook_id: str) -> Key:
    return {"id": webhook_id}


def delivery_key(delivery_id: str) -> Key:
    return {"id": delivery_id}


def webhook_shard(webhook_id: str, shard: int) -> str:
    return f"{webhook_id}#{shard}"


def listed_at(inserted_at: str, delivery_id: str) -> str:
    return f"{inserted_at}#{delivery_id}"


def webhook_to_item(webhook: Webhook) -> Item:
    item: dict[str, Any] = webhook.model_dump(mode="python", exclude={"version"})
    item["subscribed_events"] = list(webhook.subscribed_events)
    item["listing"] = None if webhook.owner else LISTING
    item["owner"] = webhook.owner or None
    item["due"] = None if webhook.due_at is None else DUE
    return item


def webhook_from_item(item: Item) -> Webhook:
    return Webhook.model_validate(item)


def delivery_to_item(delivery: Delivery) -> Item:
    item: dict[str, Any] = delivery.model_dump(mode="python", exclude={"version", "attempts"})
    item["status"] = delivery.status.value
    item["attempts"] = [attempt.model_dump(exclude_none=True) for attempt in delivery.attempts]
    item["listed_at"] = listed_at(delivery.inserted_at, delivery.id)
    item["webhook_shard"] = webhook_shard(delivery.webhook_id, _hash_of(delivery.id) % SHARDS)
    item["due_shard"] = None if delivery.due_at is None else str(_hash_of(delivery.id) % DUE_SHARDS)
    item["held_for"] = delivery.webhook_id if delivery.is_held else None
    return item


def delivery_from_item(item: Item) -> Delivery:
    return Delivery.model_validate(item)


def changes_between(old: Item, new: Item) -> tuple[Change, ...]:
    """The changes from one row to the other, without unchanged attributes."""
    return tuple(Set(name, new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name))


def _hash_of(delivery_id: str) -> int:
    """The last bits of an id made by uuid5, which are those of a hash."""
    return int(delivery_id[-4:], 16)
