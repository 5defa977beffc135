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


def test_what_there_is_no_time_for_goes_on_through_the_row(world, large_cluster):
    message, ids = large_cluster
    (following,) = run(world, message)
    assert following == {**message, "cursor": following["cursor"]}
    assert len(executions(world)) == SLICE
    assert run(world, following) == []
    assert reached(world) == ids


def test_the_change_stream_asks_for_what_is_noted_there(world, large_cluster):
    message, _ = large_cluster
    list(world.relay_batches())
    handle(world, message)
    row = world.driver.row(FAN_OUTS, {"command_id": message["command_id"]}) or {}
    assert world.queue_client.take(EXECUTION_CREATION) == []
    world.relay_only()
    assert world.queue_client.take(EXECUTION_CREATION) == [{**message, "cursor": row["cursors"][message["part"]]}]


def test_all_of_a_part_is_created_at_once_where_time_allows(world, large_cluster):
    message, ids = large_cluster
    world.seconds_left = 60
    assert run(world, message) == []
    assert reached(world) == ids


def test_of_two_messages_for_a_part_one_goes_on(world, large_cluster):
    message, _ = large_cluster
    assert [len(run(world, message)), len(run(world, message))] == [1, 0]


def test_a_sweep_resumes_a_part_where_it_stopped(world, large_cluster):
    message, _ = large_cluster
    (following,) = run(world, message)
    world.clock.advance(120)
    world.sweep("sweep_commands")
    assert world.queue_client.take(EXECUTION_CREATION) == [following]


def test_a_part_ends_only_after_its_last_execution(world, large_cluster):
    message, _ = large_cluster

    def parts():
        return (world.driver.row(FAN_OUTS, {"command_id": message["command_id"]}) or {}).get("parts")

    (following,) = run(world, message)
    assert parts() == {message["part"]}
    run(world, following)
    assert parts() is None


def test_a_queue_that_takes_nothing_fails_the_message_and_its_repeat_finishes(world):
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


def test_connected_nodes_get_a_hint_of_what_was_created(world):
    a_cluster(world)
    fleet = machines(world, 2)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(fleet[0].token, "socket-0", 1)
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
    world.fleet.nodes.connections.connected(fleet[0].token, "socket-0", 1)
    return [machine.id for machine in fleet]


def test_a_repeat_hints_nothing(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(machine.token, "socket-0", 1)
    made = command(world, "nodes", node_ids=(machine.id,))
    for _ in range(2):
        world.fleet.commands.fan_outs.create_chunk(made.id, "nodes#0", None, lambda _: None)
    handle(world, {"command_id": made.id, "part": "nodes#0"})
    assert world.socket_client.frames["socket-0"] == []


def test_a_hint_that_fails_costs_nothing(world):
    a_cluster(world)
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(machine.token, "socket-0", 1)
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
