"""The deployed function by its string: what it queues, when, and what it does twice."""

import json

import pytest

from chalicelib.commands.store import FAN_OUTS
from chalicelib.kit.queues import Queue, QueueError
from chalicelib.nodes.store import NODES
from tests.builders import a_cluster, machines
from tests.unit.commands.fleet import a_node, command, executions, first_messages, nodes, reached
from tests.world import World, sqs_record

HANDLER = "chalicelib.workers.create_executions.handler"


@pytest.fixture
def world() -> World:
    return World()


def handle(world, *messages):
    """One SQS event with these messages; returns the ids of those that failed."""
    records = [sqs_record(message, f"m-{place}") for place, message in enumerate(messages)]
    answer = world.call(HANDLER, {"Records": records})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def nodes_of_one_shard(world, count):
    """So many nodes in one shard of the fleet, and its number."""
    made = nodes(world, count * 6)
    by_shard = {}
    for row in world.driver.rows(NODES):
        by_shard.setdefault(str(row["shard"]), []).append(row["id"])
    assert len(made) == sum(map(len, by_shard.values()))
    return next((shard, ids) for shard, ids in by_shard.items() if len(ids) > count)


def test_the_next_chunk_is_queued_with_its_cursor(world):
    shard, ids = nodes_of_one_shard(world, 110)
    made = command(world)
    message = {"command_id": made.id, "part": f"shard#{shard}"}
    assert handle(world, message) == []
    (following,) = world.queue_client.take(Queue.EXECUTION_CREATION)
    assert following == {**message, "cursor": following["cursor"]}
    assert len(executions(world)) == 99
    assert handle(world, following) == []
    assert reached(world) == set(ids)
    assert world.queue_client.take(Queue.EXECUTION_CREATION) == []


def test_a_part_ends_only_after_its_last_chunk(world):
    shard, _ = nodes_of_one_shard(world, 110)
    made = command(world)
    part = f"shard#{shard}"

    def parts():
        return (world.driver.row(FAN_OUTS, {"command_id": made.id}) or {})["parts"]

    handle(world, {"command_id": made.id, "part": part})
    assert part in parts()
    handle(world, *world.queue_client.take(Queue.EXECUTION_CREATION))
    assert part not in parts()


def test_a_queue_that_takes_nothing_fails_the_message_and_its_repeat_finishes(world):
    shard, ids = nodes_of_one_shard(world, 110)
    made = command(world)
    message = {"command_id": made.id, "part": f"shard#{shard}"}
    world.queue_client.refuse_next = True
    assert handle(world, message) == ["m-0"]
    assert handle(world, message) == []
    handle(world, *world.queue_client.take(Queue.EXECUTION_CREATION))
    assert reached(world) == set(ids)
    assert QueueError.__name__ in "".join(world.lines.texts)


def test_connected_nodes_get_a_hint_of_what_was_created(world):
    a_cluster(world)
    fleet = machines(world, 2)
    world.socket_client.frames["socket-0"] = []
    world.services.nodes.connected(fleet[0].token, "socket-0", 1)
    made = command(world)
    for message in first_messages(world, made):
        handle(world, message)
    (mine,) = (row["id"] for row in executions(world) if row["node_id"] == fleet[0].id)
    assert world.socket_client.frames["socket-0"] == [{"type": "executions", "ids": [mine]}]


def test_a_repeat_hints_nothing(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.services.nodes.connected(machine.token, "socket-0", 1)
    made = command(world, "nodes", node_ids=(machine.id,))
    for _ in range(2):
        world.services.fan_outs.create_chunk(made.id, "nodes#0", None)
    handle(world, {"command_id": made.id, "part": "nodes#0"})
    assert world.socket_client.frames["socket-0"] == []


def test_a_hint_that_fails_costs_nothing(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.services.nodes.connected(machine.token, "socket-0", 1)
    world.socket_client.fails_with = "InternalServerError"
    made = command(world, "nodes", node_ids=(machine.id,))
    assert handle(world, {"command_id": made.id, "part": "nodes#0"}) == []
    assert reached(world) == {machine.id}


def test_one_bad_message_does_not_hold_up_the_others_of_its_batch(world):
    node = a_node(world)
    made = command(world, "nodes", node_ids=(node.id,))
    assert handle(world, {"part": "nodes#0"}, {"command_id": made.id, "part": "nodes#0"}) == ["m-0"]
    assert reached(world) == {node.id}


def test_the_log_names_the_worker_and_no_text_of_the_command(world):
    a_node(world)
    made = command(world, text="secret-text")
    handle(world, *first_messages(world, made))
    lines = [json.loads(line) for line in world.lines.texts]
    assert {line["worker"] for line in lines} == {"create_executions"}
    assert "secret-text" not in "".join(world.lines.texts)
