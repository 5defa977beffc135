"""Nodes that leave a command's cluster after it was accepted, before the fan-out has come to them: they are served."""

from datetime import timedelta

import pytest

from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.redrive import SETTLE
from chalicelib.kit.tasks import TABLE as TASKS
from tests.support.builders import a_cluster, a_command, machines
from tests.support.declared import WORKERS
from tests.support.world import World, sqs_record

OF_A = Targeting(type=TargetType.CLUSTERS, cluster_names=("a",))


@pytest.fixture
def world():
    world = World()
    for name in ("a", "b", "c"):
        a_cluster(world, name)
    (world.machine,) = machines(world, 1, "a")
    world.settle()
    world.clock.advance(600)
    return world


def move(world, cluster_name):
    world.clock.advance(2)
    world.fleet.nodes.placing.change_cluster(world.machine.id, cluster_name, reach=EVERYWHERE)


def give(world, targeting=OF_A, **fields):
    world.clock.advance(2)
    return a_command(world, targeting=targeting, **fields)


def late(world):
    """The messages that the fan-outs begin with, which are late."""
    world.relay_only()
    return world.queue_client.take(EXECUTION_CREATION)


def create(world, messages):
    records = [sqs_record(message) for message in messages]
    assert world.call(WORKERS[EXECUTION_CREATION], {"Records": records}) == {"batchItemFailures": []}


def settled(world, messages=()):
    """What is served when all messages and both passes are done: command ids."""
    create(world, messages)
    world.settle()
    world.clock.advance(SETTLE.total_seconds() + 60)
    world.sweep("sweep_commands")
    world.settle()
    assert world.driver.rows(TASKS) == []
    return [row["command_id"] for row in world.driver.rows(EXECUTIONS)]


def test_node_that_leaves_before_the_fan_out_is_served(world):
    command = give(world)
    messages = late(world)
    move(world, "b")
    assert settled(world, messages) == [command.id]
    (row,) = world.driver.rows(EXECUTIONS)
    assert (row["node_cluster_name"], row["target_cluster_name"]) == ("b", "a")


def test_node_that_leaves_twice_before_the_fan_out_is_served_once(world):
    first, second = give(world), None
    messages = late(world)
    move(world, "b")
    second = give(world, Targeting(type=TargetType.CLUSTERS, cluster_names=("b",)))
    messages += late(world)
    move(world, "c")
    assert sorted(settled(world, messages)) == sorted([first.id, second.id])


def test_command_hidden_by_index_lag_is_found_by_the_second_pass(world):
    world.driver.index_lag(300)
    command = give(world)
    messages = late(world)
    move(world, "b")
    world.settle()
    world.driver.index_lag(0)
    assert settled(world, messages) == [command.id]


def test_command_and_node_hidden_by_index_lag_are_found_in_time(world):
    world.driver.index_lag(50)
    (late_comer,) = machines(world, 1, "a")
    command = give(world)
    world.settle()
    world.clock.advance(3)
    world.fleet.nodes.placing.change_cluster(late_comer.id, "b", reach=EVERYWHERE)
    world.settle()
    world.clock.advance(57)
    for _ in range(20):
        world.sweep("sweep_commands")
        world.settle()
        world.clock.advance(60)
    served = {(row["command_id"], row["node_id"]) for row in world.driver.rows(EXECUTIONS)}
    assert served == {(command.id, world.machine.id), (command.id, late_comer.id)}
    assert world.driver.rows(TASKS) == []


def test_node_that_came_after_the_command_and_left_is_not_served(world):
    move(world, "b")
    give(world)
    messages = late(world)
    move(world, "a")
    move(world, "c")
    assert settled(world, messages) == []


def test_command_given_after_the_move_does_not_reach_the_node(world):
    move(world, "b")
    give(world)
    assert settled(world, late(world)) == []


def test_node_with_an_execution_gets_no_second_one(world):
    command = give(world)
    world.settle()
    move(world, "b")
    assert settled(world) == [command.id]


@pytest.mark.parametrize("act", ["cancel", "delete_node"])
def test_cancelled_command_or_deleted_node_gets_no_execution(world, act):
    command = give(world)
    messages = late(world)
    move(world, "b")
    if act == "cancel":
        world.fleet.commands.registry.cancel(command.id, reach=EVERYWHERE)
    else:
        world.fleet.nodes.placing.delete(world.machine.id, reach=EVERYWHERE)
    assert settled(world, messages) == []


def test_command_past_its_deadline_makes_no_execution(world):
    give(world, expired_at=world.clock.now() + timedelta(seconds=30))
    messages = late(world)
    move(world, "b")
    world.clock.advance(60)
    assert settled(world, messages) == []


def test_writer_who_does_not_reach_the_new_cluster_gives_it_nothing(world):
    cluster = world.fleet.clusters.get("a", reach=EVERYWHERE)
    give(world, reach=Reach(frozenset({cluster.id})))
    messages = late(world)
    move(world, "b")
    assert settled(world, messages) == []


def test_filters_see_the_node_as_it_is(world):
    give(world, OF_A.model_copy(update={"node_filters": {"status": "unhealthy"}}))
    served = give(world, OF_A.model_copy(update={"node_filters": {"status": "healthy"}}))
    messages = late(world)
    move(world, "b")
    assert settled(world, messages) == [served.id]


def test_task_done_twice_and_late_creates_one_execution(world):
    command = give(world)
    move(world, "b")
    (task,) = world.driver.rows(TASKS)
    message = {"kind": task["kind"], "id": task["subject"], **task["arguments"]}
    for _ in range(2):
        world.fleet.commands.moved.serve(message)
    assert [row["command_id"] for row in world.driver.rows(EXECUTIONS)] == [command.id]
    world.clock.advance(7200)
    world.settle()
    world.fleet.commands.moved.serve(message)
    assert len(world.driver.rows(EXECUTIONS)) == 1


def test_node_row_of_an_earlier_version_counts_as_there_since_it_enrolled(world):
    (row,) = world.driver.rows(NODES)
    assert "placed_at" not in row
    command = give(world)
    messages = late(world)
    move(world, "b")
    (row,) = world.driver.rows(NODES)
    assert row["placed_at"].startswith(row["updated_at"].rstrip("Z"))
    assert settled(world, messages) == [command.id]


def test_move_without_open_commands_costs_one_query_a_pass(world):
    command = give(world, Targeting(type=TargetType.CLUSTERS, cluster_names=("c",)))
    world.settle()
    world.fleet.commands.registry.cancel(command.id, reach=EVERYWHERE)
    world.settle()
    move(world, "b")
    (task,) = world.driver.rows(TASKS)
    message = {"kind": task["kind"], "id": task["subject"], **task["arguments"]}
    before = len(world.driver.meter.calls)
    world.fleet.commands.moved.serve(message)
    assert [call.operation for call in world.driver.meter.calls[before:]] == ["Query", "BatchGetItem"]
    assert len(world.driver.rows(COMMANDS)) == len(world.driver.rows(FAN_OUTS)) == 1
