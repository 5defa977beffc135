"""Rows of webhooks and deliveries, on the fake and on the emulator alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.tables import Tables
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.webhooks import attempts
from chalicelib.platform.webhooks.delivery_store import CHUNK_ROWS, DeliveryStore
from chalicelib.platform.webhooks.model import Delivery, DeliveryStatus, Webhook
from chalicelib.platform.webhooks.store import (
    DELIVERIES,
    WEBHOOK_LIST,
    WEBHOOKS,
    delivery_from_item,
    log_of,
    webhook_from_item,
)
from chalicelib.platform.webhooks.webhook_store import WebhookStore
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import START, FakeClock, FakeIds

OURS = [WEBHOOKS, DELIVERIES, TASKS]
LIMIT = 20_000


@dataclass
class Rows:
    tables: Tables
    clock: FakeClock
    ids: FakeIds

    @property
    def webhooks(self) -> WebhookStore:
        return WebhookStore(self.tables)

    @property
    def deliveries(self) -> DeliveryStore:
        return DeliveryStore(self.tables)

    @property
    def lists(self) -> Lists:
        return Lists(self.tables, self.clock, LIMIT)

    def webhook(self, url: str = "https://a.example/", *events: str, **fields: object) -> Webhook:
        now = to_seconds_text(self.clock.now())
        made = Webhook(
            id=self.ids.uuid7(self.clock.now()),
            url=url,
            subscribed_events=events or ("edge.node.registered",),
            secret_sealed=b"sealed",
            inserted_at=now,
            updated_at=now,
            **fields,
        )
        self.webhooks.add(made)
        return made.model_copy(update={"version": 1})

    def delivery(self, webhook_id: str, change=lambda delivery, now: delivery) -> Delivery:
        now = self.clock.now()
        envelope = {"id": self.ids.uuid7(now), "type": "edge.node.registered"}
        fresh = attempts.new_delivery(webhook_id, envelope, to_seconds_text(now), 3)
        made, is_new = self.deliveries.add(change(fresh, now), "test")
        assert is_new
        return made


@pytest.fixture(params=BOTH)
def rows(request: pytest.FixtureRequest) -> Iterator[Rows]:
    clock, ids = FakeClock(), FakeIds()
    with driver_for(request, OURS, clock) as driver:
        yield Rows(Tables(driver, clock, ids), clock, ids)


def urls(rows: Rows, **filters: str) -> list[str]:
    page = rows.lists.page(WEBHOOK_LIST, ListRequest(filters=filters)).map(webhook_from_item)
    return [webhook.url for webhook in page.items]


def test_webhook_reads_back_as_created(rows):
    webhook = rows.webhook(headers_sealed=b"more", previous_secret_sealed=b"old", previous_secret_until="2026")
    assert rows.webhooks.find(webhook.id) == webhook
    assert rows.webhooks.find("01936d2c-0000-7000-8000-000000000000") is None


def test_webhook_list_is_newest_first_and_filters_by_event_and_url(rows):
    rows.webhook("https://one.example/", "a", "b")
    rows.clock.advance(1)
    rows.webhook("https://two.example/", "b")
    assert urls(rows) == ["https://two.example/", "https://one.example/"]
    assert urls(rows, event_type="a") == ["https://one.example/"]
    assert urls(rows, event_type="b") == ["https://two.example/", "https://one.example/"]
    assert urls(rows, event_type="c") == []
    assert urls(rows, url="*ONE*", event_type="b") == ["https://one.example/"]


def test_webhook_subscriptions_are_read_from_the_index(rows):
    webhook = rows.webhook("https://one.example/", "a", "b")
    rows.tables.meter.reset()
    (item,) = rows.webhooks.subscriptions()
    assert (item["id"], item["subscribed_events"]) == (webhook.id, ["a", "b"])
    assert [call.operation for call in rows.tables.meter.calls] == ["Query"]


def test_webhook_change_on_a_stale_row_is_refused(rows):
    webhook = rows.webhook()
    first = rows.webhooks.replace(webhook, webhook.model_copy(update={"failures": 1}), "test")
    assert first is not None
    assert (first.failures, first.version) == (1, 2)
    assert rows.webhooks.replace(webhook, webhook.model_copy(update={"failures": 2}), "test") is None
    rows.webhooks.remove(first, rows.clock.now())
    assert rows.webhooks.replace(first, webhook, "test") is None


def test_webhook_is_due_only_while_paused(rows):
    rows.webhook()
    at = to_seconds_text(START)
    paused = rows.webhook("https://b.example/", paused_until=at, due_at=at)
    assert [page for page in rows.webhooks.due_pages(START - timedelta(seconds=1)) if page] == []
    assert [[one.id for one in page] for page in rows.webhooks.due_pages(START)] == [[paused.id]]
    rows.webhooks.replace(paused, paused.model_copy(update={"paused_until": None, "due_at": None}), "test")
    assert [page for page in rows.webhooks.due_pages(START) if page] == []


def test_delivery_is_added_once(rows):
    webhook = rows.webhook()
    made = rows.delivery(webhook.id)
    again, is_new = rows.deliveries.add(attempts.begin(made, START), "test")
    assert (again, is_new) == (made, False)
    assert rows.deliveries.with_webhook(webhook.id, made.id) == (webhook, made)
    assert rows.deliveries.with_webhook("none", "none") == (None, None)


def test_delivery_change_on_a_stale_row_is_refused(rows):
    made = rows.delivery(rows.webhook().id)
    begun = rows.deliveries.replace(made, attempts.begin(made, START), "test")
    assert begun is not None
    assert rows.deliveries.find(made.id) == begun
    assert rows.deliveries.replace(made, attempts.begin(made, START), "test") is None


def test_delivery_is_held_only_while_its_webhook_is_paused(rows):
    well, paused = rows.webhook(), rows.webhook(paused_until=to_seconds_text(START))
    for webhook, failed in ((well, {0}), (paused, set())):
        draft = attempts.new_delivery(webhook.id, {"id": webhook.id, "type": "t"}, to_seconds_text(START), 3)
        held = attempts.hold(draft, START)
        writes = (rows.webhooks.still_paused(webhook.id), rows.deliveries.adding(held))
        assert rows.deliveries.commit(writes, "test") == failed
        waiting = [row.id for page in rows.deliveries.held_pages(webhook.id, 10) for row in page]
        assert waiting == ([] if failed else [held.id])


def test_due_deliveries_are_found_in_all_shards_when_due(rows):
    webhook = rows.webhook()
    begun = {rows.delivery(webhook.id, attempts.begin).id for _ in range(40)}
    rows.delivery(webhook.id, attempts.hold)
    rows.delivery(webhook.id, attempts.expire)
    overdue = START + attempts.LEASE + attempts.GRACE
    assert rows.deliveries.due(overdue - timedelta(seconds=1), 100) == []
    assert {row.id for row in rows.deliveries.due(overdue, 100)} == begun


def test_delivery_log_lists_deliveries_of_one_webhook_newest_first(rows):
    webhook, other = rows.webhook(), rows.webhook()
    made = []
    for _ in range(7):
        made.append(rows.delivery(webhook.id).id)
        rows.clock.advance(1)
    rows.delivery(other.id)
    page = rows.lists.page(log_of(webhook.id), ListRequest(page_size=5)).map(delivery_from_item)
    assert ([row.id for row in page.items], page.total_count) == (made[:1:-1], 7)


def test_delivery_log_filters_by_status_and_event(rows):
    webhook = rows.webhook()
    failed = rows.delivery(webhook.id, attempts.expire)
    rows.delivery(webhook.id)
    by_status = ListRequest(filters={"status": DeliveryStatus.EXPIRED})
    by_event = ListRequest(filters={"event_id": failed.event_id})
    for request in (by_status, by_event):
        page = rows.lists.page(log_of(webhook.id), request).map(delivery_from_item)
        assert [row.id for row in page.items] == [failed.id]


def test_delivery_log_is_walked_and_removed_in_chunks(rows):
    webhook, other = rows.webhook(), rows.webhook()
    made = {rows.delivery(webhook.id).id for _ in range(4 * CHUNK_ROWS + 1)}
    kept = rows.delivery(other.id)
    seen: list[str] = []
    cursor, chunks = None, 0
    while chunks == 0 or cursor is not None:
        chunk = rows.deliveries.chunk(webhook.id, cursor)
        rows.deliveries.remove_all(chunk.ids)
        seen, cursor, chunks = [*seen, *chunk.ids], chunk.cursor, chunks + 1
    assert (set(seen), len(seen)) == (made, len(made))
    assert rows.deliveries.find_many(seen) == []
    assert rows.deliveries.find(kept.id) == kept


def test_large_deliveries_are_removed_without_transactions(rows):
    """A transaction takes twice the units, all at one moment: with events of 100 KB more than there are."""
    webhook = rows.webhook()
    ids = [rows.delivery(webhook.id).id for _ in range(20)]
    rows.tables.meter.reset()
    rows.deliveries.remove_all(ids)
    assert {call.operation for call in rows.tables.meter.calls} == {"DeleteItem"}
    rows.deliveries.remove_all(ids)
    assert rows.deliveries.find_many(ids) == []


def test_delivery_log_walk_may_begin_at_a_time(rows):
    webhook = rows.webhook()
    rows.delivery(webhook.id)
    rows.clock.advance(10)
    since = to_seconds_text(rows.clock.now())
    later = rows.delivery(webhook.id)
    found, cursor, first = [], None, True
    while first or cursor is not None:
        chunk = rows.deliveries.chunk(webhook.id, cursor, since)
        found, cursor, first = [*found, *chunk.ids], chunk.cursor, False
    assert found == [later.id]
