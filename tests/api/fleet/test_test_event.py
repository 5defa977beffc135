"""The event by which an operator sees that events arrive."""

import pytest

from tests.support.callers import operator
from tests.support.world import World

PATH = "/api/v1/events/test"
TYPE = "edge.core.test"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    return operator(world)


def arrived(world):
    return [one for one in world.bus_client.envelopes if one["type"] == TYPE]


def test_answer_is_the_event_that_arrives(world, client):
    answer = client.post(PATH)
    assert (answer.status, answer.data["published"]) == (202, True)
    world.settle(twice=True)
    assert {repr(one) for one in arrived(world)} == {repr(answer.data["event"])}
    event = answer.data["event"]
    assert (event["type"], event["corename"]) == (TYPE, "default")
    assert event["data"].keys() == {"message", "requested_at"}


def test_webhook_of_that_type_gets_it(world, client):
    url = "https://hooks.example/a"
    webhook = {"url": url, "secret": "a-cryptographically-random-32-byte-secret", "subscribed_events": [TYPE]}
    made = client.post("/api/v1/webhooks", json=webhook).data
    world.settle()
    event = client.post(PATH).data["event"]
    world.settle()
    (delivery,) = client.get(f"/api/v1/webhooks/{made['id']}/deliveries").data
    assert delivery["event_id"] == event["id"]


def test_repeat_with_its_key_publishes_once(world, client):
    first, again = (client.post(PATH, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert again.data == first.data
    assert again.headers["idempotency-replayed"] == "true"
    world.settle()
    assert len({one["id"] for one in arrived(world)}) == 1
    client.post(PATH)
    world.settle()
    assert len({one["id"] for one in arrived(world)}) == 2


def test_event_is_in_the_audit_log(world, client):
    client.post(PATH)
    world.settle(twice=True)
    (act,) = client.get("/api/v1/audit_events?operation=event.test").data
    assert (act["thing"]["kind"], act["outcome"]) == ("event", "done")
