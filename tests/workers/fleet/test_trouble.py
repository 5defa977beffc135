"""A story under throttling, errors of the service and lost answers comes to the same end as without."""

import json

import pytest

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.platform.relay.queues import RELAY_FAILURES
from tests.support.callers import connect, enrolled, operator
from tests.support.fakes.trouble import Trouble
from tests.support.world import World

COMMANDS = "/api/v1/commands"


def story(world):
    """Machines with sockets and without, commands that run, one that is cancelled, a self-update, a webhook."""
    client = operator(world)
    client.post("/api/v1/clusters", json={"name": "north"})
    agents = enrolled(client, 6)
    for number, agent in enumerate(agents[:3]):
        connect(world, agent, f"socket-{number}")
    webhook = {
        "url": "https://hooks.example/a",
        "secret": "s" * 32,
        "subscribed_events": ["edge.command_execution.completed"],
    }
    assert client.post("/api/v1/webhooks", json=webhook).status == 201
    world.settle()
    for number in range(3):
        made = client.post(COMMANDS, json={"command_text": f"echo {number}", "targeting": {"type": "all"}})
        world.settle()
        for agent in agents if number else agents[:2]:
            for execution_id in agent.waiting():
                assert agent.acknowledge(execution_id).status == 200
                assert agent.report(execution_id, output="done", exit_code=0).status == 200
        if number == 0:
            assert client.post(f"{COMMANDS}/{made.data['id']}/cancel").status == 202
        world.settle()
    client.post("/api/v1/self_update_requests", json={"targeting": {"type": "all"}})
    world.settle()
    for _ in range(4):  # what was lost on the way is found by sweeps, each later than the one before
        world.clock.advance(900)
        world.queue_client.release_delayed()
        world.sweep("sweep_commands")
        world.settle()
    return client


def end_of(world, client):
    events = {envelope["id"]: envelope["type"] for envelope in world.bus_client.envelopes}
    deliveries = {json.loads(one.body)["id"] for one in world.exchange.of("hooks.example")}
    return {
        "statuses": sorted(str(row["status"]) for row in world.driver.rows(EXECUTIONS)),
        "events": sorted(events.values()),
        "delivered": len(deliveries),
        "totals": [client.get(COMMANDS).json["meta"]["pagination"]["total_count"]],
        "parked": world.queue_client.bodies(RELAY_FAILURES),
    }


@pytest.fixture(scope="module")
def untroubled():
    world = World()
    return end_of(world, story(world))


@pytest.mark.parametrize("seed", range(8))
def test_main_story_with_injected_faults_ends_the_same(untroubled, seed):
    trouble = Trouble(seed)
    world = World(trouble=trouble)
    assert end_of(world, story(world)) == untroubled
    assert trouble.count > 3


def test_injected_faults_repeat_for_the_same_seed():
    counts = []
    for _ in range(2):
        trouble = Trouble(1)
        story(World(trouble=trouble))
        counts.append(trouble.count)
    assert counts[0] == counts[1]
