"""The events of resources: internal ones for other contexts, and those that a kind publishes."""

import json

import pytest

from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.queues import Queue
from chalicelib.platform.bus_rules import Subscription
from chalicelib.platform.context import Context, Family
from chalicelib.platform.events.facts import fact_in
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED
from chalicelib.platform.provisioning.model import Power, State
from tests.support.provisioning import BoxWorld

FOLLOWED = Queue("box-followers")
PUBLISHED = "boxes.box.changed"


def events_of(old, new):
    yield PUBLISHED, {"box": new.id, "before": old and old.state, "now": new.state}


def followed(**where):
    """A world in which another family gets changes of resources."""
    taken = Subscription((RESOURCE_CHANGED,), FOLLOWED, where)
    follower = Family(
        "followers",
        contexts=(Context("followers", queues=(FOLLOWED,), subscriptions=(taken,)),),
        event_types=(PUBLISHED,),
    )
    return BoxWorld(kind={"events_of": events_of}, others=(follower,))


@pytest.fixture
def world():
    return followed()


def facts(world):
    return [fact_in(body).data for body in world.queue_client.bodies(FOLLOWED)]


def internal(world):
    """The internal events that are on the bus."""
    return [entry for entry in world.bus_client.entries if entry["Source"] == INTERNAL_SOURCE]


def test_hidden_value_stands_in_no_event(world):
    made = world.create(hidden="https://files.example/?signature=secret")
    world.until(made, State.READY)
    world.pass_time(5)
    assert facts(world)
    assert "secret" not in json.dumps([facts(world), world.bus_client.entries])


def test_each_change_of_state_is_told_to_other_contexts(world):
    made = world.create()
    world.until(made, State.READY)
    world.delete(made)
    world.until(made, State.GONE)
    world.pass_time(5)
    told = facts(world)
    steps = {(fact["previous_state"], fact["state"]) for fact in told if fact["previous_state"] != fact["state"]}
    assert steps == {
        (None, "pending"),
        ("pending", "creating"),
        ("creating", "ready"),
        ("ready", "deleting"),
        ("deleting", "gone"),
    }
    assert {(fact["tenant"], fact["kind"], fact["id"], fact["name"]) for fact in told} == {
        (made.tenant, "box", made.id, "a")
    }


def test_facts_that_callers_see_are_told_without_a_change_of_state(world):
    made = world.create()
    world.until(made, State.READY)
    addresses = [fact["observed"].get("address") for fact in facts(world)]
    assert addresses[0] is None
    assert addresses[-1] == "10.0.0.1"


def test_look_at_rest_tells_nothing(world):
    made = world.create()
    world.until(made, State.READY)
    world.settle()
    before = len(world.bus_client.entries)
    world.pass_time(2 * 3600, step=20)
    assert len(world.bus_client.entries) == before


def test_kind_publishes_its_own_events(world):
    made = world.create()
    world.until(made, State.READY)
    world.change(made, power=Power.OFF)
    world.until(made, State.READY)
    world.settle()
    told = [entry["data"] for entry in world.bus_client.envelopes if entry["type"] == PUBLISHED]
    assert told[0] == {"box": made.id, "before": None, "now": "pending"}
    assert {(each["before"], each["now"]) for each in told} >= {("ready", "changing"), ("changing", "ready")}


def test_subscription_to_kinds_and_states_gets_these_and_the_rest_is_not_sent():
    world = followed(kind=("box", "tin"), state=(State.READY, State.GONE))
    made = world.create()
    world.until(made, State.READY)
    assert {fact["state"] for fact in facts(world)} == {"ready"}
    assert {json.loads(entry["Detail"])["data"]["state"] for entry in internal(world)} == {"ready"}


def test_subscription_to_another_kind_costs_no_message_at_all():
    world = followed(kind=("tin",))
    made = world.create()
    world.until(made, State.READY)
    assert (facts(world), internal(world)) == ([], [])
