"""The deployed function by its string: what it queues, when, and what it does twice."""

import json

import pytest

from chalicelib.fleet.commands.fan_out import MOST_OF_A_SHARD
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.store import FAN_OUTS
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.fleet.targeting.selection import SLICE
from chalicelib.kit.queues import QueueError
from tests.application.fleet.commands.fleet import a_node, command, executions, first_messages, nodes, reached, run
from tests.support.builders import a_cluster, machines
from tests.support.world import World, sqs_record

HANDLER = "chalicelib.fleet.workers.create_executions.handler"


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
    """A message for a cluster that takes two where time is short, and the ids of its nodes."""
    world.seconds_left = 0
    fleet = nodes(world, SLICE + 10, a_cluster(world))
    made = command(world, "clusters", cluster_names=("north",))
    (message,) = first_messages(world, made)
    return message, {node.id for node in fleet}


def test_fan_out_out_of_time_continues_from_its_stored_cursor(world, large_cluster):
    message, ids = large_cluster
    (following,) = run(world, message)
    assert following == {**message, "cursor": following["cursor"]}
    assert len(executions(world)) == SLICE
    assert run(world, following) == []
    assert reached(world) == ids


def test_stored_cursor_is_queued_by_the_change_stream(world, large_cluster):
    message, _ = large_cluster
    list(world.relay_batches())
    handle(world, message)
    row = world.driver.row(FAN_OUTS, {"command_id": message["command_id"]}) or {}
    assert world.queue_client.take(EXECUTION_CREATION) == []
    world.relay_only()
    assert world.queue_client.take(EXECUTION_CREATION) == [{**message, "cursor": row["cursors"][message["part"]]}]


def test_fan_out_with_enough_time_creates_a_part_in_one_message(world, large_cluster):
    message, ids = large_cluster
    world.seconds_left = 60
    assert run(world, message) == []
    assert reached(world) == ids


def test_duplicate_part_message_continues_once(world, large_cluster):
    message, _ = large_cluster
    assert [len(run(world, message)), len(run(world, message))] == [1, 0]


def test_sweep_resumes_a_part_at_its_cursor(world, large_cluster):
    message, _ = large_cluster
    (following,) = run(world, message)
    world.clock.advance(120)
    world.sweep("sweep_commands")
    assert world.queue_client.take(EXECUTION_CREATION) == [following]


def test_part_ends_after_its_last_execution(world, large_cluster):
    message, _ = large_cluster

    def parts():
        return (world.driver.row(FAN_OUTS, {"command_id": message["command_id"]}) or {}).get("parts")

    (following,) = run(world, message)
    assert parts() == {message["part"]}
    run(world, following)
    assert parts() is None


def test_message_failed_by_a_refusing_queue_is_finished_by_its_repeat(world):
    """A fleet that one message does not do for is split into its shards."""
    fleet = nodes(world, 4 * MOST_OF_A_SHARD + 1)
    made = command(world)
    (message,) = first_messages(world, made)
    world.queue_client.refuse_next = True
    assert handle(world, message) == ["m-0"]
    assert handle(world, message) == []
    handle(world, *world.queue_client.take(EXECUTION_CREATION))
    assert reached(world) == {node.id for node in fleet}
    assert QueueError.__name__ in "".join(world.lines.texts)


def test_connected_node_gets_a_hint_of_its_new_execution(world):
    a_cluster(world)
    fleet = machines(world, 2)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(fleet[0].token, "socket-0", 1)
    made = command(world)
    for message in first_messages(world, made):
        handle(world, message)
    (mine,) = (row["id"] for row in executions(world) if row["node_id"] == fleet[0].id)
    assert world.socket_client.frames["socket-0"] == [{"type": "executions", "ids": [mine]}]


def test_creation_of_many_executions_sends_no_hints(world):
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
    world.fleet.nodes.connections.connected(fleet[0].token, "socket-0", 1)
    return [machine.id for machine in fleet]


def test_repeated_creation_sends_no_hint(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(machine.token, "socket-0", 1)
    made = command(world, "nodes", node_ids=(machine.id,))
    for _ in range(2):
        world.fleet.commands.fan_outs.create_chunk(made.id, "nodes#0", None, lambda *_: None)
    handle(world, {"command_id": made.id, "part": "nodes#0"})
    assert world.socket_client.frames["socket-0"] == []


def test_failed_hint_does_not_fail_the_creation(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(machine.token, "socket-0", 1)
    world.socket_client.fails_with = "InternalServerError"
    made = command(world, "nodes", node_ids=(machine.id,))
    assert handle(world, {"command_id": made.id, "part": "nodes#0"}) == []
    assert reached(world) == {machine.id}


def test_malformed_message_fails_alone_in_its_batch(world):
    node = a_node(world)
    made = command(world, "nodes", node_ids=(node.id,))
    assert handle(world, {"part": "nodes#0"}, {"command_id": made.id, "part": "nodes#0"}) == ["m-0"]
    assert reached(world) == {node.id}


def test_log_lines_name_the_worker_and_omit_the_command_text(world):
    a_node(world)
    made = command(world, text="secret-text")
    handle(world, *first_messages(world, made))
    lines = [json.loads(line) for line in world.lines.texts]
    assert {line["worker"] for line in lines} == {"create_executions"}
    assert "secret-text" not in "".join(world.lines.texts)
