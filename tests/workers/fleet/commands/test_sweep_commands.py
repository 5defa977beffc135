"""The deployed sweep by its string, with everything that it sets going."""

from datetime import timedelta

import pytest

from chalicelib.fleet.commands.queues import EXECUTION_CREATION, TIMELY_WORK
from chalicelib.fleet.commands.store import FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.queues import QueueError
from chalicelib.platform.background.queues import CLEAN_UP
from tests.application.fleet.commands.fleet import a_node, command, executions, fan_out
from tests.support.builders import a_cluster, machines
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_sweep_queues_each_kind_of_due_work(world):
    a_node(world)
    unfinished = command(world)
    overdue = command(world, expired_at=world.clock.now() + timedelta(seconds=30))
    fan_out(world, overdue)
    deleted = command(world, "nodes", node_ids=("01900000-0000-7000-8000-000000000001",), allow_missing=True)
    fan_out(world, deleted)
    world.fleet.commands.registry.delete(deleted.id, reach=EVERYWHERE)
    world.clock.advance(60)
    world.sweep("sweep_commands")
    parts = [{"command_id": unfinished.id, "part": f"shard#{shard}"} for shard in range(4)]
    assert world.queue_client.take(EXECUTION_CREATION) == parts
    assert world.queue_client.take(TIMELY_WORK) == [{"kind": "expire_command", "id": overdue.id}]
    assert world.queue_client.take(CLEAN_UP) == [{"kind": "command", "id": deleted.id}]


def test_sweep_repeated_at_once_queues_nothing(world):
    command(world)
    world.clock.advance(60)
    world.sweep("sweep_commands")
    world.queue_client.take(EXECUTION_CREATION)
    world.sweep("sweep_commands")
    assert world.queue_client.take(EXECUTION_CREATION) == []


def test_due_work_refused_by_its_queue_is_queued_after_the_interval(world):
    made = command(world)
    world.clock.advance(60)
    world.queue_client.refuse_next = True
    with pytest.raises(QueueError):
        world.call("chalicelib.fleet.workers.sweep_commands.handler", _tick())
    world.clock.advance(60)
    world.sweep("sweep_commands")
    assert {body["command_id"] for body in world.queue_client.take(EXECUTION_CREATION)} == {made.id}


def test_execution_of_a_node_that_never_returns_expires(world):
    a_cluster(world)
    machines(world, 1)
    world.settle()
    made = command(world, expired_at=world.clock.now() + timedelta(hours=1))
    world.settle()
    for _ in range(80):
        world.clock.advance(60)
        world.sweep("sweep_commands")
        world.settle(twice=True)
    (row,) = executions(world)
    assert (row["status"], row["command_id"]) == ("expired", made.id)
    assert [row.get("due_at") for row in world.driver.rows(FAN_OUTS)] == [None]
    expired = [one for one in world.bus_client.envelopes if one["type"] == "edge.command_execution.expired"]
    assert len({one["id"] for one in expired}) == 1


def _tick():
    return {
        "version": "0",
        "id": "tick",
        "account": "0",
        "region": "us-east-1",
        "detail": {},
        "time": "",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "resources": [],
    }
