"""Deliveries by the deployed strings: from an event to a signed request, over repeats, crashes and failures."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook as Verifier

from chalicelib.fleet.events.catalogue import EventType
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.outbound import Answer, NoAnswerError, Reason
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.webhooks.delivery_store import DeliveryStore
from chalicelib.platform.webhooks.model import NewWebhook
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES
from chalicelib.platform.webhooks.store import DELIVERIES, WEBHOOKS
from tests.support.builders import a_cluster, machines
from tests.support.declared import WORKERS
from tests.support.fakes.dynamo import Crash
from tests.support.world import World, sqs_record

HOST = "hooks.example"
OTHER = "other.example"
SECRET = "a-cryptographically-random-32-byte-secret"
NEW_SECRET = "another-cryptographically-random-secret!"
REGISTERED = EventType.NODE_REGISTERED.value
DELIVER = WORKERS[WEBHOOK_DELIVERIES]


@pytest.fixture
def world():
    world = World(webhook_max_attempts=3, event_delivery_max_age_seconds=3600)
    # The library that verifies believes the clock of this machine.
    world.clock.set(datetime.now(UTC).replace(microsecond=0))
    a_cluster(world)
    return world


def a_webhook(world, host=HOST, events=(REGISTERED,), **fields):
    wanted = NewWebhook(url=f"https://{host}/hook", secret=SECRET, subscribed_events=events, **fields)
    return world.platform.webhooks.registry.create(wanted)


def register(world, count=1):
    machines(world, count)
    world.settle()


def relay(world):
    while world.relay_only():
        pass


def publish(world):
    for body in world.queue_client.take(EVENTS):
        world.call(WORKERS[EVENTS], {"Records": [sqs_record(body)]})


def queued(world):
    """The messages that wait for the worker, as SQS has them."""
    return world.queue_client.sent.get(WEBHOOK_DELIVERIES, [])


def request_of(entry):
    return entry["MessageAttributes"]["request_id"]["StringValue"]


def rows(world):
    return world.driver.rows(DELIVERIES)


def later(world, seconds=120.0):
    """As if that time had passed: delayed messages arrive, sweeps run."""
    world.clock.advance(seconds)
    world.queue_client.release_delayed()
    world.sweep("sweep_webhooks")
    world.settle()


def ended(world):
    return sorted({row["status"] for row in rows(world)})


class TestWhatIsSent:
    def test_event_is_delivered_to_its_subscribers_only(self, world):
        a_webhook(world)
        a_webhook(world, OTHER, events=(REGISTERED, EventType.NODE_REREGISTERED.value))
        a_webhook(world, "third.example", events=(EventType.NODE_REREGISTERED.value,))
        register(world, 2)
        assert [len(world.exchange.of(host)) for host in (HOST, OTHER, "third.example")] == [2, 2, 0]
        on_bus = {envelope["id"] for envelope in world.bus_client.envelopes if envelope["type"] == REGISTERED}
        assert {json.loads(received.body)["id"] for received in world.exchange.of(HOST)} == on_bus

    def test_delivered_cloudevent_has_two_valid_signatures(self, world):
        a_webhook(world, headers={"Authorization": "Bearer private"})
        register(world)
        (received,) = world.exchange.received
        event = Verifier(SECRET.encode()).verify(received.body, dict(received.headers))
        assert received.headers["webhook-id"] == event["id"]
        digest = hmac.new(SECRET.encode(), received.body, hashlib.sha256).hexdigest()
        assert received.headers["x-edge-signature"] == f"sha256={digest}"
        assert received.headers["Authorization"] == "Bearer private"
        message = HTTPMessage({"content-type": received.headers["content-type"]}, received.body)
        parsed = from_http_event(message)
        assert (parsed.get_type(), parsed.get_id(), parsed.get_specversion()) == (REGISTERED, event["id"], "1.0")
        assert parsed.get_data()["status"] == "healthy"

    def test_rotated_secret_signs_with_both_until_the_overlap_ends(self, world):
        webhook = a_webhook(world)
        world.platform.webhooks.registry.rotate_secret(webhook.id, NEW_SECRET, 60)
        register(world)
        world.clock.advance(60)
        register(world)
        during, after = world.exchange.received
        assert len(during.headers["webhook-signature"].split()) == 2
        for secret in (SECRET, NEW_SECRET):
            assert Verifier(secret.encode()).verify(during.body, dict(during.headers))
        assert Verifier(NEW_SECRET.encode()).verify(after.body, dict(after.headers))
        assert len(after.headers["webhook-signature"].split()) == 1

    def test_delivery_connects_to_the_checked_address(self, world):
        a_webhook(world)
        world.resolver.set(HOST, ["8.8.4.4"], ["127.0.0.1"])
        register(world)
        assert [received.addresses for received in world.exchange.received] == [("8.8.4.4",)]

    def test_delivery_to_a_host_that_became_private_fails(self, world):
        a_webhook(world)
        world.resolver.set(HOST, ["169.254.169.254"])
        register(world)
        later(world)
        (row,) = rows(world)
        assert world.exchange.received == []
        assert (row["status"], row["attempt_count"]) == ("failed", 1)
        assert f"{HOST} resolves to 169.254.169.254" in row["attempts"][0]["error"]

    def test_delivery_secrets_are_in_no_message_row_or_log(self, world):
        a_webhook(world, headers={"Authorization": "Bearer private"})
        world.exchange.reply(HOST, Answer(500, f"{SECRET} Bearer private".encode()))
        machines(world, 1)
        seen = []
        world.queue_client.before_send = lambda: seen.append(str(world.queue_client.sent))
        world.settle()
        texts = [*seen, *world.lines.texts, str(rows(world)), str(world.driver.rows(WEBHOOKS))]
        assert seen
        assert not [text for text in texts if SECRET in text or "Bearer private" in text]

    def test_delivery_messages_are_grouped_by_webhook(self, world):
        webhook = a_webhook(world)
        world.platform.webhooks.deliveries.test(webhook.id)
        relay(world)
        assert [entry["MessageGroupId"] for entry in queued(world)] == [webhook.id]

    def test_delivery_messages_carry_the_request_id_of_their_change(self, world):
        """Even if the stream brings the changes of several requests in one batch."""
        a_webhook(world)
        for number in range(3):
            with working_for(Origin(request_id=f"request-{number}")):
                machines(world, 1)
        relay(world)
        publish(world)
        assert {request_of(entry) for entry in queued(world)} == {"request-0", "request-1", "request-2"}

    def test_requested_test_delivery_carries_the_operators_request_id(self, world):
        webhooks = [a_webhook(world, host) for host in (HOST, OTHER)]
        for number, webhook in enumerate(webhooks):
            with working_for(Origin(request_id=f"request-{number}")):
                world.platform.webhooks.deliveries.test(webhook.id)
        relay(world)
        found = {(entry["MessageGroupId"], request_of(entry)) for entry in queued(world)}
        assert found == {(webhooks[0].id, "request-0"), (webhooks[1].id, "request-1")}


class TestRepeats:
    def test_duplicate_messages_deliver_each_event_once(self, world):
        a_webhook(world)
        machines(world, 2)
        world.settle(twice=True)
        assert len(world.exchange.received) == 2
        assert ended(world) == ["succeeded"]

    def test_repeated_delivery_message_changes_nothing(self, world):
        webhook = a_webhook(world)
        register(world)
        (row,) = rows(world)
        event = json.loads(world.exchange.received[0].body)
        before = world.driver.snapshot()
        for body in (
            {"webhook_id": webhook.id, "queued_at": row["queued_at"], "event": event},
            {"webhook_id": webhook.id, "delivery_id": row["id"]},
        ):
            assert world.call(DELIVER, {"Records": [sqs_record(body)]}) == {"batchItemFailures": []}
        assert world.driver.snapshot() == before
        assert len(world.exchange.received) == 1

    @pytest.mark.parametrize("writes", range(1, 9))
    def test_delivery_with_a_crash_after_any_write_succeeds(self, world, writes):
        """At least once: a worker that dies after the receiver's answer asks again."""
        a_webhook(world)
        machines(world, 1)
        world.settle(crash_after=writes)
        for _ in range(3):
            later(world, 300)
        (row,) = rows(world)
        assert row["status"] == "succeeded"
        assert row["attempt_count"] in (1, 2)
        assert len({received.headers["webhook-id"] for received in world.exchange.received}) == 1

    def test_delivery_interrupted_in_every_attempt_fails_after_three(self, world):
        a_webhook(world)

        def die():
            raise Crash

        world.exchange.reply(HOST, die)
        machines(world, 1)
        for _ in range(8):
            world.settle()
            later(world, 300)
        (row,) = rows(world)
        assert (row["status"], row["attempt_count"]) == ("failed", 3)
        assert {attempt["error"] for attempt in row["attempts"]} == {"interrupted"}

    def test_delivery_with_a_lost_message_is_queued_by_the_sweep(self, world):
        webhook = a_webhook(world)
        world.platform.webhooks.deliveries.test(webhook.id)
        relay(world)
        assert len(world.queue_client.take(WEBHOOK_DELIVERIES)) == 1
        world.clock.advance(30)
        world.sweep("sweep_webhooks")
        assert world.queue_client.take(WEBHOOK_DELIVERIES) == []
        later(world, 60)
        assert ended(world) == ["succeeded"]

    def test_malformed_delivery_message_is_reported_as_failed(self, world):
        webhook = a_webhook(world)
        answer = world.call(DELIVER, {"Records": [sqs_record({"webhook_id": webhook.id})]})
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


class TestRetries:
    def test_failing_delivery_is_tried_three_times_with_backoff(self, world):
        a_webhook(world)
        world.exchange.reply(HOST, Answer(500))
        register(world)
        for _ in range(6):
            later(world, 80)
        (row,) = rows(world)
        assert (row["status"], row["attempt_count"]) == ("failed", 3)
        assert [attempt["status"] for attempt in row["attempts"]] == [500, 500, 500]
        assert row.get("due_at") is None

    def test_retry_message_is_delayed_until_the_attempt_is_due(self, world):
        a_webhook(world)
        world.exchange.reply(HOST, Answer(500), Answer(204))
        register(world)
        (entry,) = world.queue_client.delayed[WEBHOOK_DELIVERIES]
        assert 12 <= entry["DelaySeconds"] <= 18
        world.clock.advance(entry["DelaySeconds"])
        world.queue_client.release_delayed()
        world.settle()
        assert ended(world) == ["succeeded"]

    def test_retry_after_beyond_the_sqs_delay_is_left_to_the_sweep(self, world):
        a_webhook(world)
        world.exchange.reply(HOST, Answer(503, headers={"retry-after": "1800"}), Answer(204))
        register(world)
        assert world.queue_client.delayed == {}
        later(world, 1790)
        assert len(world.exchange.received) == 1
        later(world, 120)
        assert [received.at for received in world.exchange.received][1] >= 1800
        assert ended(world) == ["succeeded"]

    @pytest.mark.parametrize("status", [301, 400, 404, 410])
    def test_terminal_answer_ends_the_delivery_at_once(self, world, status):
        a_webhook(world)
        world.exchange.reply(HOST, Answer(status))
        register(world)
        later(world)
        assert len(world.exchange.received) == 1
        assert ended(world) == ["failed"]

    def test_delivery_beyond_its_maximum_age_expires(self, world):
        a_webhook(world)
        world.exchange.reply(HOST, Answer(503, headers={"retry-after": "3600"}))
        register(world)
        later(world, 3700)
        assert len(world.exchange.received) == 1
        assert ended(world) == ["expired"]

    def test_delivery_without_a_maximum_age_never_expires(self):
        world = World(event_delivery_max_age_seconds=0)
        a_cluster(world)
        a_webhook(world)
        world.exchange.reply(HOST, Answer(503, headers={"retry-after": "3600"}), Answer(204))
        register(world)
        later(world, 3700)
        assert ended(world) == ["succeeded"]

    def test_event_too_old_before_its_first_attempt_expires(self, world):
        a_webhook(world)
        machines(world, 1)
        relay(world)
        publish(world)
        world.clock.advance(3601)
        world.settle()
        assert world.exchange.received == []
        assert ended(world) == ["expired"]


class TestDeletion:
    def test_deleted_webhook_gets_nothing_and_its_deliveries_are_removed(self, world):
        webhook = a_webhook(world)
        world.exchange.reply(HOST, Answer(500))
        register(world)
        world.platform.webhooks.registry.delete(webhook.id)
        world.settle()
        assert rows(world) == []
        later(world)
        register(world)
        assert len(world.exchange.received) == 1

    def test_delivery_added_after_the_webhook_deletion_is_removed(self, world):
        webhook = a_webhook(world)
        store = DeliveryStore(world.platform.tables)
        asked = world.platform.webhooks.deliveries.test(webhook.id)
        kept = store.find(asked.id)
        world.platform.webhooks.registry.delete(webhook.id)
        world.settle()
        store.add(kept, "test")
        later(world)
        assert (rows(world), world.exchange.received) == ([], [])

    def test_webhook_deleted_during_an_attempt_leaves_no_delivery(self, world):
        webhook = a_webhook(world)

        def delete_meanwhile():
            world.platform.webhooks.registry.delete(webhook.id)
            return Answer(500)

        world.exchange.reply(HOST, delete_meanwhile)
        register(world)
        later(world)
        assert rows(world) == []


class TestPublishing:
    def test_subscriptions_are_read_once_for_a_backlog(self, world):
        a_webhook(world)
        world.platform.tables.meter.reset()
        now = world.clock.now()
        old = {"type": REGISTERED, "time": "2020-01-01T00:00:00.000000Z", "id": world.ids.uuid7(now)}
        for _ in range(5):
            world.platform.webhooks.subscriptions.queue_deliveries([("r-1", old)])
        assert world.platform.tables.meter.count == 1
        world.clock.advance(6)
        world.platform.webhooks.subscriptions.queue_deliveries([("r-1", old)])
        assert world.platform.tables.meter.count == 2

    def test_new_webhook_gets_events_at_once(self, world):
        register(world)
        a_webhook(world)
        register(world)
        assert len(world.exchange.received) == 1

    def test_event_refused_by_the_queue_is_published_again_with_the_same_id(self, world):
        a_webhook(world)
        machines(world, 1)
        relay(world)
        world.queue_client.refuse_next = True
        events = [{"Records": [sqs_record(body)]} for body in world.queue_client.take(EVENTS)]
        failed = [event for event in events if world.call(WORKERS[EVENTS], event)["batchItemFailures"]]
        assert len(failed) == 1
        assert not world.call(WORKERS[EVENTS], failed[0])["batchItemFailures"]
        world.settle()
        assert len(world.exchange.received) == 1


def test_delivery_takes_four_calls(world):
    a_webhook(world)
    machines(world, 1)
    world.settle()
    lines = [json.loads(text) for text in world.lines.texts]
    (line,) = [line for line in lines if line.get("worker") == "deliver_webhook"]
    assert line["dynamodb_calls"] == 4  # the last one counts the attempt


def test_delivery_without_an_answer_stores_the_reason(world):
    a_webhook(world)
    world.exchange.reply(HOST, NoAnswerError(Reason.TLS))
    register(world)
    (row,) = rows(world)
    assert row["attempts"] == [
        {"at": row["inserted_at"], "milliseconds": 0, "error": "tls_failed"},
    ]
