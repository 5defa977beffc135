"""The deployed function by its string: what it queues, when, and what it does twice."""

import json

import pytest

from chalicelib.commands.fan_out import CHUNK
from chalicelib.commands.store import FAN_OUTS
from chalicelib.kit.queues import Queue, QueueError
from chalicelib.targeting.selection import SLICE
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


@pytest.fixture
def large_cluster(world):
    """A message for a cluster that takes two, and the ids of its nodes."""
    fleet = nodes(world, SLICE + 10, a_cluster(world))
    made = command(world, "clusters", cluster_names=("north",))
    (message,) = first_messages(world, made)
    return message, {node.id for node in fleet}


def test_what_follows_is_queued_with_its_cursor(world, large_cluster):
    message, ids = large_cluster
    assert handle(world, message) == []
    (following,) = world.queue_client.take(Queue.EXECUTION_CREATION)
    assert following == {**message, "cursor": following["cursor"]}
    assert len(executions(world)) == SLICE
    assert handle(world, following) == []
    assert reached(world) == ids
    assert world.queue_client.take(Queue.EXECUTION_CREATION) == []


def test_a_part_ends_only_after_its_last_execution(world, large_cluster):
    message, _ = large_cluster

    def parts():
        return (world.driver.row(FAN_OUTS, {"command_id": message["command_id"]}) or {}).get("parts")

    handle(world, message)
    assert parts() == {message["part"]}
    handle(world, *world.queue_client.take(Queue.EXECUTION_CREATION))
    assert parts() is None


def test_a_queue_that_takes_nothing_fails_the_message_and_its_repeat_finishes(world, large_cluster):
    message, ids = large_cluster
    world.queue_client.refuse_next = True
    assert handle(world, message) == ["m-0"]
    assert handle(world, message) == []
    handle(world, *world.queue_client.take(Queue.EXECUTION_CREATION))
    assert reached(world) == ids
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


def test_of_many_all_hear_by_the_stream_instead(world):
    fleet = [*machines_of_north(world, 1), *(node.id for node in nodes(world, CHUNK))]
    made = command(world)
    (message,) = first_messages(world, made)
    assert handle(world, message) == []
    assert reached(world) == set(fleet)
    assert world.socket_client.frames["socket-0"] == []


def machines_of_north(world, count):
    """Ids of enrolled machines, the first of them connected."""
    a_cluster(world)
    fleet = machines(world, count)
    world.socket_client.frames["socket-0"] = []
    world.services.nodes.connected(fleet[0].token, "socket-0", 1)
    return [machine.id for machine in fleet]


def test_a_repeat_hints_nothing(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.services.nodes.connected(machine.token, "socket-0", 1)
    made = command(world, "nodes", node_ids=(machine.id,))
    for _ in range(2):
        world.services.fan_outs.create_chunk(made.id, "nodes#0", None, lambda _: None)
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
