"""Webhooks in the local cloud: signed events over real HTTP, and what becomes of those that receivers do not take."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from chalicelib.kit.clock import parse_time
from infra.local.emulator import free_port
from infra.local.receiver import SampleReceiver
from tests.e2e.cloud import eventually, fleet
from tests.e2e.hooks import SECRET, Hooks, statuses
from tests.e2e.test_names_and_updates import enrolled
from tests.e2e.webhook_receiver import Received, Receiver, Reply
from tests.support.aws_clients import local_client

NEW_SECRET = "another-cryptographically-random-secret!"

REGISTERED = "edge.node.registered"
MOVED = "edge.node.cluster_changed"
EXECUTION_EVENTS = [f"edge.command_execution.{step}" for step in ("created", "sent", "completed")]

ASKED_FOR_SECONDS = 3
"""What a busy receiver asks for; more than the pause that the local cloud's settings make."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def hooks(api, receiver) -> Iterator[Hooks]:
    hooks = Hooks(api, receiver)
    yield hooks
    hooks.remove_all()


@pytest.fixture(scope="module")
def hung(cloud, api, operator, receiver) -> Iterator[Hooks]:
    """An event for a receiver that hangs and for one that is well. Nothing else, so that both have a warm function."""
    hooks = Hooks(api, receiver)
    receiver.hang("/hangs")
    for path in ("/hangs", "/well"):
        hooks.add(path, REGISTERED)
    operator.create_cluster("hung")
    node_id, _ = enrolled(cloud, operator, "hung")
    yield hooks
    hooks.remove_all()
    operator.call("DELETE", f"/api/v1/nodes/{node_id}")
    operator.call("DELETE", "/api/v1/clusters/hung")


@pytest.fixture(scope="module")
def told(api, operator, receiver, hung) -> Iterator[Hooks]:
    """Another event, for receivers that do not take it at once."""
    hooks = Hooks(api, receiver)
    receiver.reply("/fails-once", Reply(500), Reply())
    receiver.reply("/busy", Reply(503, {"retry-after": str(ASKED_FOR_SECONDS)}), Reply())
    receiver.reply("/moved", Reply(302, {"location": receiver.url("/elsewhere")}))
    receiver.reply("/gone", Reply(410))
    for path in ("/fails-once", "/busy", "/moved", "/gone"):
        hooks.add(path, MOVED)
    hooks.add("/dead", MOVED, url=f"http://127.0.0.1:{free_port()}/dead")
    operator.create_cluster("told")
    [node] = operator.call("GET", "/api/v1/nodes?cluster_name=hung")["data"]
    operator.call("PATCH", f"/api/v1/nodes/{node['id']}/change_cluster", {"cluster_name": "told"})
    yield hooks
    hooks.remove_all()
    operator.call("PATCH", f"/api/v1/nodes/{node['id']}/change_cluster", {"cluster_name": "hung"})
    operator.call("DELETE", "/api/v1/clusters/told")


def is_signed_with(secret: str, received: Received) -> bool:
    """For a library of Standard Webhooks."""
    try:
        Verifier(secret.encode()).verify(received.body, dict(received.headers))
    except WebhookVerificationError:
        return False
    return True


def plain_signature(secret: str, received: Received) -> str:
    return f"sha256={hmac.new(secret.encode(), received.body, hashlib.sha256).hexdigest()}"


def test_sample_receiver_gets_each_event_of_a_command(cloud, api, hooks, tap):
    with fleet(cloud, "told-of") as told_of, SampleReceiver(cloud.folder) as sample:
        webhook_id = hooks.add("/sample", *EXECUTION_EVENTS, url=sample.url, secret=sample.secrets[0])
        subscribers = api.items(f"/api/v1/webhooks?event_type={EXECUTION_EVENTS[0]}")
        assert webhook_id in {each["id"] for each in subscribers}
        [agent] = told_of.enrol()
        tested = hooks.tested("/sample", "succeeded")
        assert statuses(tested) == [204]
        assert tested["event"] in sample.events()
        execution = told_of.only(told_of.run("echo told", agent), "completed")

        def of_execution(events: list[dict]) -> dict[str, dict]:
            return {
                each["type"]: each for each in events if each["data"].get("command_execution_id") == execution["id"]
            }

        eventually(lambda: set(EXECUTION_EVENTS) <= of_execution(sample.events()).keys())
        eventually(lambda: {each["status"] for each in hooks.deliveries("/sample")} == {"succeeded"})
        published = eventually(lambda: found if len(found := of_execution(tap.envelopes())) == 3 else None)
        assert of_execution(sample.events()) == published
        assert published["edge.command_execution.completed"]["data"]["exit_code"] == 0
        attempts = {each["event_id"]: each["attempt_count"] for each in hooks.deliveries("/sample")}
        assert [attempts[each["id"]] for each in published.values()] == [1, 1, 1]


def test_webhook_request_is_a_cloudevent_with_both_signatures(hooks, receiver):
    webhook_id = hooks.add("/signed", REGISTERED, headers={"X-Tenant": "seven"})
    hooks.tested("/signed", "succeeded")
    [received] = receiver.received("/signed")

    event = from_http_event(HTTPMessage(headers=dict(received.headers), body=received.body))
    assert event.get_data() == {"webhook_id": webhook_id}
    assert event.get_id() == received.headers["webhook-id"]
    assert is_signed_with(SECRET, received)
    assert not is_signed_with(NEW_SECRET, received)
    assert received.headers["x-edge-signature"] == plain_signature(SECRET, received)
    assert received.headers["x-tenant"] == "seven"


def test_webhook_request_during_rotation_verifies_with_either_secret(cloud, hooks, receiver):
    fresh = secrets.token_urlsafe(32)
    with SampleReceiver(cloud.folder, [fresh, SECRET]) as sample:
        for path, url in (("/rotated", None), ("/sample", sample.url)):
            hooks.add(path, REGISTERED, url=url)
            hooks.tested(path, "succeeded")
            hooks.ask(path, "rotate_secret", {"secret": fresh, "overlap_seconds": 3600})
            hooks.tested(path, "succeeded")
        assert len(sample.events()) == 2
    before, during = receiver.received("/rotated")
    assert [is_signed_with(SECRET, each) for each in (before, during)] == [True, True]
    assert [is_signed_with(fresh, each) for each in (before, during)] == [False, True]
    assert during.headers["x-edge-signature"] == plain_signature(fresh, during)


def test_hanging_receiver_does_not_delay_another(hung):
    assert statuses(hung.settled("/well")) == [204]

    [hanging] = eventually(lambda: hung.deliveries("/hangs"))
    assert (hanging["status"], hanging["attempts"]) == ("pending", [])


def test_failed_delivery_is_retried_with_the_same_id_and_body(told, receiver):
    delivery = told.settled("/fails-once")

    assert statuses(delivery) == [500, 204]
    first, second = receiver.received("/fails-once")
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery["event_id"]
    assert first.body == second.body
    assert is_signed_with(SECRET, second)


def test_busy_receiver_is_retried_after_its_retry_after(told):
    delivery = told.settled("/busy")

    assert statuses(delivery) == [503, 204]
    first, second = (parse_time(attempt["at"]) for attempt in delivery["attempts"])
    assert (second - first).total_seconds() >= ASKED_FOR_SECONDS - 1  # the log has whole seconds


@pytest.mark.parametrize(("path", "status"), [("/moved", 302), ("/gone", 410)])
def test_delivery_with_a_permanent_error_status_is_not_retried(told, receiver, path, status):
    delivery = told.settled(path)

    assert (delivery["status"], statuses(delivery)) == ("failed", [status])
    assert len(receiver.received(path)) == 1
    assert receiver.received("/elsewhere") == []


def test_delivery_to_a_dead_receiver_fails_after_three_attempts(told):
    delivery = told.settled("/dead")

    assert delivery["status"] == "failed"
    assert [attempt["error"] for attempt in delivery["attempts"]] == ["unreachable"] * 3


def test_hanging_receiver_is_a_timeout_after_ten_seconds(hung):
    attempts = eventually(lambda: hung.deliveries("/hangs")[0]["attempts"])

    assert (attempts[0]["status"], attempts[0]["error"]) == (None, "timeout")
    assert attempts[0]["milliseconds"] >= 9_000
    hung.receiver.let_go("/hangs")


def test_failed_delivery_can_be_redelivered(told, receiver):
    moved, gone = told.settled("/moved"), told.settled("/gone")
    for path in ("/moved", "/gone"):
        receiver.reply(path, Reply())

    told.ask("/moved", f"deliveries/{moved['id']}/redeliver")
    told.ask("/gone", "redeliver", {"since": gone["inserted_at"]})

    for path, delivery, status in (("/moved", moved, 302), ("/gone", gone, 410)):
        eventually(lambda path=path: told.settled(path)["status"] == "succeeded")
        assert statuses(told.settled(path)) == [status, 204]
        assert [each.headers["webhook-id"] for each in receiver.received(path)] == [delivery["event_id"]] * 2


# Slow: a node and every sweep. Pauses are tried in process.
@pytest.mark.slow
def test_paused_webhook_gets_held_events_once_it_recovers(cloud, api, operator, hooks, receiver):
    receiver.reply("/pausing", Reply(500))
    hooks.add("/pausing", REGISTERED)
    for _ in range(5):
        hooks.tested("/pausing", "failed")
    assert api.get(hooks.path("/pausing")).data["paused_until"] is not None
    operator.create_cluster("missed")
    node_id, _ = enrolled(cloud, operator, "missed")
    [held] = eventually(lambda: [each for each in hooks.deliveries("/pausing") if each["waits_for_webhook"]])
    assert held["attempt_count"] == 0

    receiver.reply("/pausing", Reply())
    hooks.tested("/pausing", "succeeded")
    cloud.sweep()

    where = f"{hooks.path('/pausing')}/deliveries/{held['id']}"
    delivered = eventually(lambda: found if (found := api.get(where).data)["status"] == "succeeded" else None)
    assert statuses(delivered) == [204]
    assert delivered["event"]["data"]["node_id"] == node_id
    operator.call("DELETE", f"/api/v1/nodes/{node_id}")
    operator.call("DELETE", "/api/v1/clusters/missed")


# Slow: a rare moment, which is tried in process.
@pytest.mark.slow
def test_webhook_deleted_during_an_attempt_leaves_no_log(cloud, api, hooks, receiver):
    receiver.hang("/deleted")
    hooks.add("/deleted", REGISTERED)
    delivery = hooks.ask("/deleted", "test")
    eventually(lambda: receiver.received("/deleted"))
    where = hooks.path("/deleted")
    hooks.remove("/deleted")
    receiver.let_go("/deleted")

    assert api.get(f"{where}/deliveries").status == 404
    row = {"TableName": f"{cloud.table_prefix}webhook_deliveries", "Key": {"id": {"S": delivery["id"]}}}
    eventually(lambda: "Item" not in local_client(cloud.emulator_url, "dynamodb").get_item(**row, ConsistentRead=True))
