"""The health sweep as it is deployed: by its string, on a tick of its schedule."""

import pytest

from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from tests.support.builders import a_cluster, machines
from tests.support.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


def statuses(world):
    return [row["status"] for row in world.driver.rows(NODES)]


def changed_events(world):
    return [
        (envelope["data"]["node_id"], envelope["data"]["previous_status"], envelope["data"]["status"])
        for envelope in world.bus_client.envelopes
        if envelope["type"] == "edge.node.status_changed"
    ]


def test_silent_nodes_become_unreachable_with_one_event_each(world):
    fleet = machines(world, 3)
    world.clock.advance(200)
    living = world.fleet.nodes.identity.authenticate(fleet[0].token)
    world.fleet.nodes.health.touch(living)
    world.clock.advance(150)

    for _ in range(2):
        world.sweep("check_health")
    world.settle(twice=True)

    assert sorted(statuses(world)) == ["healthy", "unreachable", "unreachable"]
    assert set(changed_events(world)) == {(machine.id, "healthy", "unreachable") for machine in fleet[1:]}
    assert world.fleet.nodes.reading.get(fleet[0].id, reach=EVERYWHERE).node.status is Status.HEALTHY


def test_node_calling_again_becomes_healthy_with_an_event(world):
    [machine] = machines(world, 1)
    world.clock.advance(301)
    world.sweep("check_health")

    world.fleet.nodes.health.touch(world.fleet.nodes.identity.authenticate(machine.token))
    world.settle()

    assert changed_events(world) == [
        (machine.id, "healthy", "unreachable"),
        (machine.id, "unreachable", "healthy"),
    ]


@pytest.mark.parametrize("writes", [1, 2, 3, 5])
def test_health_sweep_with_a_crash_after_any_write_is_finished_by_repeat(world, writes):
    fleet = machines(world, 4)
    world.clock.advance(301)
    world.driver.crash_after(writes)

    world.sweep("check_health")
    world.driver.crash_after(1_000_000)
    world.settle()

    assert statuses(world) == ["unreachable"] * 4
    assert len(set(changed_events(world))) == len(changed_events(world)) == len(fleet)


def test_health_sweep_is_deployed_under_its_handler_string():
    import app  # noqa: PLC0415 - the whole application, only here

    strings = [source.handler_string for source in app.app.event_sources if source.name == "check_health"]

    assert strings == ["chalicelib.fleet.workers.check_health.handler"]
