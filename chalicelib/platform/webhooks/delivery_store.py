"""Reads and writes of deliveries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.kit import tasks
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.tables import (
    ActedOn,
    Between,
    ConditionFailedError,
    Delete,
    Equals,
    Key,
    Put,
    Query,
    Ref,
    Tables,
    TransactionFailedError,
    Update,
    Write,
    put_new,
)
from chalicelib.platform.webhooks.model import Delivery, Webhook
from chalicelib.platform.webhooks.store import (
    DELIVERIES,
    DUE_SHARDS,
    SHARDS,
    WEBHOOKS,
    changes_between,
    delivery_from_item,
    delivery_key,
    delivery_to_item,
    webhook_from_item,
    webhook_key,
    webhook_shard,
)

CHUNK_ROWS = 100
"""Rows that one chunk of a clean-up or of a bulk redelivery works on: about a second of single writes."""


@dataclass(frozen=True)
class Chunk:
    """Some deliveries of a log, and where the next chunk begins; None at the end of the last shard."""

    ids: list[str]
    cursor: str | None


class DeliveryStore:
    """Deliveries on `Tables`. A write answers whether it took effect: it does not where the row has changed since."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, delivery_id: str) -> Delivery | None:
        row = self._tables.get(DELIVERIES, delivery_key(delivery_id))
        return None if row is None else delivery_from_item(row)

    def ask_redelivery(self, webhook_id: str, since: str, until: str, now: datetime) -> None:
        """Create the task that redelivers the part of a log that was first queued at ``since`` or later and has ended
        without success by ``until`` (seconds texts). Rows that a lagging index hides are too young to have ended."""
        task = tasks.ask("webhook_redelivery", webhook_id, now, settles=False, since=since, until=until)
        acts_on = [ActedOn("webhook", webhook_id)]
        self._tables.commit((task,), "webhook.redelivery_asked", result=until, acts_on=acts_on)

    def with_webhook(self, webhook_id: str, delivery_id: str) -> tuple[Webhook | None, Delivery | None]:
        """A delivery and its webhook, in one call."""
        refs = (Ref(WEBHOOKS, webhook_key(webhook_id)), Ref(DELIVERIES, delivery_key(delivery_id)))
        webhook, delivery = self._tables.get_many(refs)
        return (
            None if webhook is None else webhook_from_item(webhook),
            None if delivery is None else delivery_from_item(delivery),
        )

    def add(self, delivery: Delivery, operation: str) -> tuple[Delivery, bool]:
        """Create a delivery, unless it exists; returns the stored one, and whether it is this one."""
        try:
            row = self._tables.write(self.adding(delivery), operation)
        except ConditionFailedError as error:
            return delivery_from_item(error.current or {}), False
        return delivery_from_item(row or {}), True

    def add_asked(self, delivery: Delivery, operation: str) -> None:
        """Create a new delivery for an operator who is answered with it."""
        self._tables.apply(self.adding(delivery), operation, result=delivery)

    def adding(self, delivery: Delivery) -> Put:
        """The same as a write for a transaction."""
        return put_new(DELIVERIES, delivery_to_item(delivery))

    def replace(self, old: Delivery, new: Delivery, operation: str) -> Delivery | None:
        """The delivery as it is then; None if it was changed since ``old`` was read."""
        try:
            row = self._tables.write(self.replacing(old, new), operation)
        except ConditionFailedError:
            return None
        return delivery_from_item(row or {})

    def change(self, old: Delivery, new: Delivery, operation: str) -> bool:
        """As `replace`, for an operator who is answered with the new one; returns False in place of None."""
        try:
            self._tables.apply(self.replacing(old, new), operation, result=new)
        except ConditionFailedError:
            return False
        return True

    def replacing(self, old: Delivery, new: Delivery) -> Update:
        """The same as a write for a transaction."""
        changes = changes_between(delivery_to_item(old), delivery_to_item(new))
        return Update(DELIVERIES, delivery_key(old.id), changes, Equals("version", old.version))

    def commit(self, writes: Sequence[Write], operation: str) -> frozenset[int]:
        """Write all or none; returns the indexes of the writes whose conditions failed, empty on success."""
        try:
            self._tables.commit(writes, operation)
        except TransactionFailedError as error:
            return frozenset(error.failed)
        return frozenset()

    def remove(self, delivery: Delivery) -> None:
        self._tables.write(Delete(DELIVERIES, delivery_key(delivery.id), was_read=True), "webhook_delivery.deleted")

    def due(self, now: datetime, limit: int) -> list[Delivery]:
        """Up to ``limit`` due deliveries of each shard, most overdue first, read anew."""
        text, index = to_seconds_text(now), DELIVERIES.index("due")
        queries = [
            Query(DELIVERIES, str(shard), index=index, sort=Between("0", text), limit=limit)
            for shard in range(DUE_SHARDS)
        ]
        keys = [str(item["id"]) for page in self._tables.query_many(queries) for item in page.items]
        return [row for row in self.find_many(keys) if row.due_at is not None and row.due_at <= text]

    def held_pages(self, webhook_id: str, limit: int) -> Iterator[list[Delivery]]:
        """The deliveries held for a webhook, oldest first, ``limit`` at a time, read anew."""
        query = Query(DELIVERIES, webhook_id, index=DELIVERIES.index("held"), limit=limit)
        for page in self._tables.pages(query):
            rows = self.find_many([str(item["id"]) for item in page.items])
            yield [row for row in rows if row.is_held]

    def chunk(self, webhook_id: str, cursor: str | None, since: str = "0") -> Chunk:
        """The next deliveries of a log, shard by shard, each from ``since`` (seconds text) on. The steps
        of the cursor are the shards."""
        here = StepCursor.parse(cursor)
        partition, last = webhook_shard(webhook_id, here.step), here.within
        start: Key | None = None
        if last is not None:
            start = {"webhook_shard": partition, "listed_at": last, "id": last.partition("#")[2]}
        query = Query(
            DELIVERIES,
            partition,
            index=DELIVERIES.index("by_webhook"),
            sort=Between(since, "~"),
            limit=CHUNK_ROWS,
            start=start,
        )
        page = self._tables.query(query)
        ids = [str(item["id"]) for item in page.items]
        following = here.after(None if page.last_key is None else str(page.last_key["listed_at"]))
        return Chunk(ids, following.text() if following.step < SHARDS else None)

    def remove_all(self, ids: Sequence[str]) -> None:
        """Delete deliveries; missing ones are ignored. One by one: a transaction would cost twice as much, and with
        large events more units at once than the table's partitions give, so that it could be throttled for ever."""
        for delivery_id in ids:
            self._tables.write(Delete(DELIVERIES, delivery_key(delivery_id)), "webhook_delivery.deleted")

    def find_many(self, ids: Sequence[str]) -> list[Delivery]:
        """Those that exist."""
        rows = self._tables.get_many([Ref(DELIVERIES, delivery_key(row_id)) for row_id in ids])
        return [delivery_from_item(row) for row in rows if row is not None]
