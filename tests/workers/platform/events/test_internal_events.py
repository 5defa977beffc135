"""Facts about nodes reach the queue of another family, and no subscriber to published events."""

import pytest

from chalicelib.fleet.facts import (
    FACTS,
    NODE_CLUSTER_CHANGED,
    NODE_DELETED,
    NODE_ENROLLED,
    NODE_STATUS_CHANGED,
    NODE_VERSION_CHANGED,
    OF_NODES,
)
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.bus import EVENT_SOURCE, INTERNAL_SOURCE
from chalicelib.platform.events.facts import fact_in
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.families import Families
from tests.support.builders import a_cluster, machines
from tests.support.declared import FAMILIES, WORKERS
from tests.support.witness import FAMILY, Witness
from tests.support.world import World, sqs_record


@pytest.fixture
def world():
    world = World(families=Families((*FAMILIES.each, FAMILY)))
    a_cluster(world, "north")
    a_cluster(world, "south")
    return world


def facts(world):
    return sorted(
        (fact.time, fact.type, fact.data["node_id"]) for fact in world.platform.container(Witness).seen.values()
    )


def live(world, *, twice=False):
    """A node enrols, falls silent, moves and is deleted."""
    (machine,) = machines(world, 1)
    world.settle(twice=twice)
    world.clock.advance(3600)
    world.sweep("check_health")
    world.settle(twice=twice)
    world.clock.advance(60)
    world.fleet.nodes.placing.change_cluster(machine.id, "south", reach=EVERYWHERE)
    world.settle(twice=twice)
    world.clock.advance(60)
    world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
    world.settle(twice=twice)
    return machine.id


def test_node_life_reaches_the_queue_of_another_family(world):
    node_id = live(world)

    told = facts(world)
    assert [(kind, node) for _, kind, node in told] == [
        (kind, node_id) for kind in (NODE_ENROLLED, NODE_STATUS_CHANGED, NODE_CLUSTER_CHANGED, NODE_DELETED)
    ]
    assert [time for time, *_ in told] == sorted({time for time, *_ in told})


def test_duplicate_facts_have_the_same_ids(world):
    live(world, twice=True)

    witness = world.platform.container(Witness)
    assert len(witness.seen) == 4
    assert witness.told > 4


def test_published_events_are_the_same_beside_internal_ones(world):
    live(world)
    plain = World()
    a_cluster(plain, "north")
    a_cluster(plain, "south")
    live(plain)

    public = [entry["DetailType"] for entry in world.bus_client.entries if entry["Source"] == EVENT_SOURCE]
    internal = [entry["DetailType"] for entry in world.bus_client.entries if entry["Source"] == INTERNAL_SOURCE]
    assert public == [entry["DetailType"] for entry in plain.bus_client.entries if entry["Source"] == EVENT_SOURCE]
    assert set(internal) == {*OF_NODES} - {NODE_VERSION_CHANGED}
    assert not {*FACTS} & {*FAMILIES.event_types}


def test_internal_events_are_not_matched_with_webhooks(world):
    a_cluster(world, "alone")
    event = {"source": INTERNAL_SOURCE, "type": NODE_ENROLLED, "id": "1", "time": "2026-11-21T10:00:00Z", "data": {}}
    world.call(WORKERS[EVENTS], {"Records": [sqs_record({"events": [{"request_id": "r", "envelope": event}]})]})
    assert [entry["Source"] for entry in world.bus_client.entries[-1:]] == [INTERNAL_SOURCE]
    assert world.driver.meter.count == 0  # the meter counts from the start of each message


def test_message_without_a_fact_is_refused_naming_its_fields():
    with pytest.raises(ValueError, match="a message with \\['kind'\\] holds no internal event"):
        fact_in({"kind": "node"})
