"""Pauses: a receiver that is down costs little, loses nothing it could still get, and delays no other."""

from itertools import pairwise

import pytest

from chalicelib.fleet.events.catalogue import EventType
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.outbound import Answer
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.webhooks.attempts import hold, new_delivery
from chalicelib.platform.webhooks.delivery_store import DeliveryStore
from chalicelib.platform.webhooks.health import FAILURES_TO_PAUSE
from chalicelib.platform.webhooks.model import NewWebhook
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS
from chalicelib.platform.webhooks.sweeping import PAGE
from chalicelib.platform.webhooks.webhook_store import WebhookStore
from tests.support.builders import a_cluster, machines
from tests.support.declared import RELAY, WORKERS
from tests.support.fakes.clock import START
from tests.support.fakes.receivers import HANGING_SECONDS
from tests.support.world import World, sqs_record

DEAD = "dead.example"
WELL = "well.example"
DELIVER = WORKERS[WEBHOOK_DELIVERIES]


@pytest.fixture
def world():
    world = World(event_delivery_max_age_seconds=0, webhook_max_attempts=50)
    a_cluster(world)
    return world


def a_webhook(world, host):
    wanted = NewWebhook(
        url=f"https://{host}/",
        secret="a-cryptographically-random-32-byte-secret",
        subscribed_events=(EventType.NODE_REGISTERED.value,),
    )
    return world.platform.webhooks.registry.create(wanted)


def register(world, count):
    machines(world, count)
    world.settle()


def a_failed_log(count):
    """A minute ago, so many events were refused by a receiver that would now take them."""
    world = World(webhook_max_attempts=2)
    a_cluster(world)
    webhook = a_webhook(world, DEAD)
    world.exchange.reply(DEAD, Answer(404))
    register(world, count)
    world.exchange.recover(DEAD)
    world.clock.advance(60)
    return world, webhook


def let_wait(world, webhook, count):
    """So many deliveries wait for a webhook that is well again."""
    store, now = DeliveryStore(world.platform.tables), world.clock.now()
    for _ in range(count):
        envelope = {"id": world.ids.uuid7(now), "type": EventType.NODE_REGISTERED.value}
        store.add(hold(new_delivery(webhook.id, envelope, to_seconds_text(now), 1), now), "webhook_delivery.held")
    stored = world.platform.webhooks.registry.get(webhook.id)
    due = stored.model_copy(update={"due_at": to_seconds_text(now)})
    WebhookStore(world.platform.tables).replace(stored, due, "webhook_delivery.attempted")


def minutes(world, count):
    """Minute by minute: delayed messages arrive, sweeps run."""
    for _ in range(count):
        world.clock.advance(60)
        world.queue_client.release_delayed()
        world.sweep("sweep_webhooks")
        world.settle()


def state_of(world, webhook):
    return world.driver.row(WEBHOOKS, {"id": webhook.id})


def deliveries(world, webhook):
    return [row for row in world.driver.rows(DELIVERIES) if row["webhook_id"] == webhook.id]


def statuses(world, webhook):
    return [row["status"] for row in deliveries(world, webhook)]


def test_paused_webhook_holds_deliveries_after_five_failures(world):
    webhook = a_webhook(world, DEAD)
    world.exchange.reply(DEAD, Answer(500))
    register(world, 12)
    assert len(world.exchange.of(DEAD)) == FAILURES_TO_PAUSE
    waiting = [row for row in deliveries(world, webhook) if row["is_held"]]
    assert len(waiting) == 12 - FAILURES_TO_PAUSE
    assert {row["attempt_count"] for row in waiting} == {0}
    assert state_of(world, webhook)["failures"] == FAILURES_TO_PAUSE


def test_paused_webhook_is_probed_singly_with_backoff(world):
    webhook = a_webhook(world, DEAD)
    world.exchange.reply(DEAD, Answer(500))
    register(world, 12)
    minutes(world, 60)
    attempts = [received.at for received in world.exchange.of(DEAD)][FAILURES_TO_PAUSE:]
    assert 5 <= len(attempts) <= 10
    distances = [later - earlier for earlier, later in pairwise(attempts)]
    assert min(distances) >= 60
    assert max(distances) >= 12 * 60
    assert set(statuses(world, webhook)) == {"pending"}


def test_recovered_webhook_gets_all_held_deliveries(world):
    webhook = a_webhook(world, DEAD)
    world.exchange.reply(DEAD, Answer(500))
    register(world, 12)
    minutes(world, 5)
    world.exchange.recover(DEAD)
    minutes(world, 30)
    assert statuses(world, webhook) == ["succeeded"] * 12
    row = state_of(world, webhook)
    assert (row["failures"], row.get("paused_until"), row.get("due_at"), row.get("due")) == (0, None, None, None)


def test_paused_webhook_without_held_deliveries_is_tried_by_next_event(world):
    world = World(webhook_max_attempts=1)
    a_cluster(world)
    webhook = a_webhook(world, DEAD)
    world.exchange.reply(DEAD, Answer(500))
    register(world, FAILURES_TO_PAUSE)
    world.exchange.recover(DEAD)
    minutes(world, 3)
    assert len(world.exchange.of(DEAD)) == FAILURES_TO_PAUSE
    register(world, 1)
    assert len(world.exchange.of(DEAD)) == FAILURES_TO_PAUSE + 1
    assert state_of(world, webhook).get("paused_until") is None


def test_expired_held_deliveries_do_not_delay_the_rest(world):
    world = World(webhook_max_attempts=50, event_delivery_max_age_seconds=3600)
    a_cluster(world)
    webhook = a_webhook(world, DEAD)
    world.exchange.reply(DEAD, Answer(500))
    register(world, 10)
    minutes(world, 59)
    register(world, 3)
    minutes(world, 16)
    world.exchange.recover(DEAD)
    minutes(world, 70)  # one that has failed probes is next tried, and found too old, an hour later
    assert statuses(world, webhook).count("expired") == 10
    assert statuses(world, webhook).count("succeeded") == 3


class TestByHand:
    def test_successful_test_delivery_ends_the_pause(self, world):
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(500))
        register(world, 8)
        world.exchange.recover(DEAD)
        world.platform.webhooks.deliveries.test(webhook.id)
        world.settle()
        assert state_of(world, webhook).get("paused_until") is None
        minutes(world, 10)
        assert statuses(world, webhook) == ["succeeded"] * 9

    def test_failed_test_delivery_leaves_the_pause_unchanged(self, world):
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(500))
        register(world, 8)
        before = state_of(world, webhook)
        asked = world.platform.webhooks.deliveries.test(webhook.id)
        world.settle()
        assert state_of(world, webhook) == before
        assert world.driver.row(DELIVERIES, {"id": asked.id})["status"] == "failed"

    def test_held_delivery_is_redelivered_at_once_on_request(self, world):
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(500))
        register(world, 8)
        world.exchange.recover(DEAD)
        waiting = next(row for row in deliveries(world, webhook) if row["is_held"])
        world.platform.webhooks.deliveries.redeliver(webhook.id, str(waiting["id"]))
        world.settle()
        assert world.driver.row(DELIVERIES, {"id": waiting["id"]})["status"] == "succeeded"

    def test_failed_deliveries_since_a_time_are_redelivered_once(self):
        world = World(webhook_max_attempts=1)
        a_cluster(world)
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(404))
        register(world, 2)
        world.clock.advance(60)
        since = world.clock.now()
        world.exchange.reply(DEAD, Answer(404), Answer(404), Answer(204))
        register(world, 3)
        world.exchange.recover(DEAD)
        world.clock.advance(60)
        world.platform.webhooks.deliveries.redeliver_since(webhook.id, since)
        world.settle(twice=True)
        assert sorted(statuses(world, webhook)) == ["failed"] * 2 + ["succeeded"] * 3
        assert len(world.exchange.of(DEAD)) == 5 + 2

    def test_redelivery_with_a_slow_clock_resends_nothing(self):
        world, webhook = a_failed_log(1)
        world.exchange.reply(DEAD, Answer(404))
        since, until = START, world.platform.webhooks.deliveries.redeliver_since(webhook.id, START)
        world.clock.advance(-3)
        body = {"kind": "webhook_redelivery", "id": webhook.id, "since": to_seconds_text(since), "until": until}
        for _ in range(3):
            world.platform.queues.send(CLEAN_UP, [body])
            world.settle()
        assert len(world.exchange.of(DEAD)) == 1 + 1

    def test_redelivery_with_a_crash_after_any_write_completes(self):
        for writes in range(1, 8):
            world, webhook = a_failed_log(4)
            world.platform.webhooks.deliveries.redeliver_since(webhook.id, START)
            world.settle(crash_after=writes)
            minutes(world, 10)
            assert statuses(world, webhook) == ["succeeded"] * 4
            assert world.driver.rows(TASKS) == []

    def test_redelivery_lost_by_the_stream_is_started_by_a_sweep(self):
        world, webhook = a_failed_log(3)
        world.platform.webhooks.deliveries.redeliver_since(webhook.id, START)
        assert list(world.relay_batches())  # read by nobody
        world.clock.advance(90_000)
        world.sweep("sweep_commands")
        world.settle()
        assert statuses(world, webhook) == ["succeeded"] * 3
        assert world.driver.rows(TASKS) == []

    @pytest.mark.parametrize("lost", ["stream", "message"])
    def test_single_redelivery_lost_by_stream_or_queue_is_found_by_the_sweep(self, lost):
        world, webhook = a_failed_log(1)
        (row,) = deliveries(world, webhook)
        world.platform.webhooks.deliveries.redeliver(webhook.id, str(row["id"]))
        if lost == "message":
            for batch in world.relay_batches():
                world.call(RELAY, {"Records": batch})
            assert len(world.queue_client.take(WEBHOOK_DELIVERIES)) == 1
        else:
            assert list(world.relay_batches())
        minutes(world, 2)
        assert statuses(world, webhook) == ["succeeded"]

    def test_overlapping_redeliveries_are_both_completed(self):
        """The second is for less: it must not take the place of the first."""
        world, webhook = a_failed_log(2)
        for since in (START, world.clock.now()):
            world.platform.webhooks.deliveries.redeliver_since(webhook.id, since)
        world.settle()
        assert statuses(world, webhook) == ["succeeded"] * 2


class TestOthers:
    """Every invocation has one message: only what shares an invocation could wait."""

    def test_hanging_receiver_delays_no_other_webhook(self, world):
        a_webhook(world, DEAD)
        a_webhook(world, WELL)
        world.exchange.hang(DEAD)
        machines(world, 3)
        while world.relay_only():
            pass
        for body in world.queue_client.take(EVENTS):
            world.call(WORKERS[EVENTS], {"Records": [sqs_record(body)]})
        bodies = world.queue_client.take(WEBHOOK_DELIVERIES)
        started = world.clock.now()
        invocations = [lambda body=body: world.call(DELIVER, {"Records": [sqs_record(body)]}) for body in bodies]
        answers = world.clock.run_together(invocations)
        assert answers == [{"batchItemFailures": []}] * 6
        offset = (started - START).total_seconds()
        assert [received.at - offset for received in world.exchange.of(WELL)] == [0, 0, 0]
        # And a moment between two of the three that count their failure at the same time.
        assert HANGING_SECONDS <= (world.clock.now() - started).total_seconds() < HANGING_SECONDS + 1

    def test_paused_receiver_takes_no_worker_time(self, world):
        a_webhook(world, DEAD)
        well = a_webhook(world, WELL)
        world.exchange.hang(DEAD)
        register(world, FAILURES_TO_PAUSE)
        started = world.clock.now()
        register(world, 20)
        assert world.clock.now() == started
        assert statuses(world, well) == ["succeeded"] * (FAILURES_TO_PAUSE + 20)

    def test_long_backlog_delays_another_webhook_by_at_most_a_page(self, world):
        long, short = a_webhook(world, DEAD), a_webhook(world, WELL)
        let_wait(world, long, 3 * PAGE)
        world.clock.advance(1)
        let_wait(world, short, 1)
        world.driver.latency(0.01)
        world.platform.webhooks.sweep.run(1.5)
        held = [sum(row["is_held"] for row in deliveries(world, webhook)) for webhook in (long, short)]
        assert held == [PAGE, 0]

    def test_failures_of_one_webhook_are_not_counted_for_another(self, world):
        a_webhook(world, DEAD)
        well = a_webhook(world, WELL)
        world.exchange.reply(DEAD, Answer(500))
        register(world, 10)
        assert (state_of(world, well)["failures"], state_of(world, well)["version"]) == (0, 1)


class TestRaces:
    def test_delivery_held_as_the_pause_ends_is_sent(self, world):
        """The webhook recovers between the worker's read and its write: the condition sends it round again."""
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(500))
        register(world, 6)
        world.exchange.recover(DEAD)

        def recover():
            world.platform.webhooks.deliveries.test(webhook.id)
            for body in world.queue_client.take(WEBHOOK_DELIVERIES):
                world.call(DELIVER, {"Records": [sqs_record(body)]})

        machines(world, 1)
        world.driver.before_next(recover, operation="TransactWriteItems", table=DELIVERIES)
        world.settle()
        assert state_of(world, webhook).get("paused_until") is None
        newest = max(deliveries(world, webhook), key=lambda row: row["inserted_at"])
        assert newest["is_held"] is False
        minutes(world, 10)
        assert set(statuses(world, webhook)) == {"succeeded"}

    def test_concurrent_failures_are_counted_and_pause_once(self, world):
        webhook = a_webhook(world, DEAD)
        world.exchange.hang(DEAD)
        world.driver.latency(0.01)
        machines(world, 10)
        while world.relay_only():
            pass
        for body in world.queue_client.take(EVENTS):
            world.call(WORKERS[EVENTS], {"Records": [sqs_record(body)]})
        bodies = world.queue_client.take(WEBHOOK_DELIVERIES)
        world.clock.run_together(
            [lambda body=body: world.call(DELIVER, {"Records": [sqs_record(body)]}) for body in bodies]
        )
        row = state_of(world, webhook)
        assert (row["failures"], row["pauses"]) == (FAILURES_TO_PAUSE, 1)
        assert parse_time(row["paused_until"]) > world.clock.now()
        assert {len(one["attempts"]) for one in deliveries(world, webhook)} == {1}

    def test_held_deliveries_hidden_by_index_lag_are_released(self, world):
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(500))
        world.driver.index_lag(30)
        register(world, 8)
        world.exchange.recover(DEAD)
        world.platform.webhooks.deliveries.test(webhook.id)
        world.settle()
        minutes(world, 10)
        assert set(statuses(world, webhook)) == {"succeeded"}


class TestOutages:
    """With the settings as they come."""

    @pytest.mark.parametrize("events", [1, 12])
    @pytest.mark.parametrize("hours", [0.1, 5, 20])
    def test_events_of_an_outage_of_hours_are_all_delivered(self, hours, events):
        world = World()
        a_cluster(world)
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(503))
        register(world, events)
        steps(world, hours * 3600)
        assert set(statuses(world, webhook)) == {"pending"}
        world.exchange.recover(DEAD)
        steps(world, 2 * 3600)
        assert statuses(world, webhook) == ["succeeded"] * events

    def test_event_not_accepted_for_a_day_expires(self):
        world = World()
        a_cluster(world)
        webhook = a_webhook(world, DEAD)
        world.exchange.reply(DEAD, Answer(503))
        register(world, 1)
        steps(world, 27 * 3600)
        assert statuses(world, webhook) == ["expired"]
        assert len(world.exchange.of(DEAD)) <= 30


def steps(world, seconds):
    """As `minutes`, in steps that outlast the shortest pauses."""
    for _ in range(round(seconds / 360)):
        world.clock.advance(360)
        world.queue_client.release_delayed()
        world.sweep("sweep_webhooks")
        world.settle()
