"""Retention: old executions go, each with its last event, whatever dies on the way."""

from typing import Any

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.pruning import ROWS_PER_CHUNK
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.background.queues import CLEAN_UP
from tests.application.fleet.commands.fleet import a_node, command, executions, fan_out, first_messages, nodes, run
from tests.support.fakes.dynamo import Crash
from tests.support.world import World

PRUNED = "edge.command_execution.pruned"
DAY = 86_400


def a_world(**settings: Any) -> World:
    return World(**{"execution_pruning_enabled": True, "execution_retention_days": 30, **settings})


@pytest.fixture
def world() -> World:
    return a_world()


def prune(world, **how):
    world.sweep("prune_executions")
    world.settle(**how)


def finish(world, row, **report):
    world.fleet.commands.executions.report(
        str(row["node_id"]), str(row["id"]), Report(**{"is_expired": False, "exit_code": 0, **report})
    )


def finished(world, count):
    """So many completed executions of one command."""
    nodes(world, count)
    made = command(world)
    world.settle()
    for row in executions(world):
        if row["command_id"] == made.id:
            finish(world, row)
    world.settle()
    let_looks_end(world)
    return made


def let_looks_end(world):
    """Nobody looks for nodes of the commands any more."""
    for seconds in (60, 900):
        world.clock.advance(seconds)
        world.sweep("sweep_commands")
        world.settle()


def pruned(world):
    return {one["id"]: one["data"] for one in world.bus_client.envelopes if one["type"] == PRUNED}


def test_executions_past_retention_are_pruned_with_one_event_each(world):
    made = finished(world, 3)
    ids = {str(row["id"]) for row in executions(world)}
    world.clock.advance(30 * DAY + 1)
    prune(world)
    assert executions(world) == []
    told = pruned(world).values()
    assert {data["command_execution_id"] for data in told} == ids
    assert {(data["command_id"], data["status"], data["exit_code"], data["command_text"]) for data in told} == {
        (made.id, "completed", 0, "true")
    }
    assert world.platform.counters.read("executions") == 0


def test_executions_within_retention_are_kept(world):
    finished(world, 2)
    world.clock.advance(30 * DAY - 3600)
    finished(world, 1)
    prune(world)
    assert (len(executions(world)), pruned(world)) == (5, {})


def test_pruning_is_off_by_default():
    world = World()
    finished(world, 1)
    world.clock.advance(365 * DAY)
    prune(world)
    assert (len(executions(world)), world.queue_client.bodies(CLEAN_UP)) == (1, [])


def test_retention_days_setting_decides_the_pruning_age():
    world = a_world(execution_retention_days=1)
    finished(world, 1)
    world.clock.advance(DAY + 1)
    prune(world)
    assert executions(world) == []


def test_open_execution_is_kept_and_later_finished_ones_are_pruned(world):
    open_node = a_node(world)
    command(world)
    world.settle()
    world.clock.advance(1)
    finished_node = a_node(world)
    command(world, "nodes", node_ids=(finished_node.id,))
    world.settle()
    finish(world, next(row for row in executions(world) if row["node_id"] == finished_node.id))
    world.clock.advance(31 * DAY)
    prune(world)
    assert [row["node_id"] for row in executions(world)] == [open_node.id]


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_pruned_execution_without_result_takes_no_late_result(world, how):
    node = a_node(world)
    command(world)
    world.settle()
    (row,) = executions(world)
    if how == "cancelled":
        world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
    else:
        finish(world, row, is_expired=True, exit_code=None)
    let_looks_end(world)
    world.clock.advance(31 * DAY)
    prune(world)
    assert executions(world) == []
    with pytest.raises(EdgeError) as caught:
        world.fleet.commands.executions.report(node.id, str(row["id"]), Report(is_expired=False, exit_code=0))
    assert caught.value.kind is Kind.NOT_FOUND


def test_execution_of_an_unfinished_part_is_not_pruned(world):
    nodes(world, 2)
    made = command(world)
    for shard in range(3):
        run(world, {"command_id": made.id, "part": f"shard#{shard}"})
    for row in executions(world):
        finish(world, row)
    world.clock.advance(31 * DAY)
    before = len(executions(world))
    for shard in world.fleet.commands.pruning.shards():
        world.fleet.commands.pruning.prune_chunk(shard, None)
    left = {part["part"] for part in first_messages(world, made)}
    assert (bool(left), len(executions(world))) == (True, before)


def test_pruning_of_many_with_duplicate_messages_makes_one_event_each(world):
    finished(world, 4 * ROWS_PER_CHUNK + 50)
    count = len(executions(world))
    world.clock.advance(31 * DAY)
    prune(world, twice=True)
    assert (executions(world), len(pruned(world))) == ([], count)


@pytest.mark.parametrize("crash_after", range(1, 14))
def test_pruning_with_a_crash_after_any_write_completes(world, crash_after):
    finished(world, 3)
    world.clock.advance(31 * DAY)
    world.sweep("prune_executions")
    world.settle(twice=True, crash_after=crash_after)
    prune(world)
    assert (executions(world), len(pruned(world))) == ([], 3)


def test_execution_marked_before_a_crash_is_deleted_without_second_event(world):
    finished(world, 1)
    world.clock.advance(31 * DAY)
    list(world.relay_batches())
    world.driver.crash_after(1)
    shard = next(row["all_shard"] for row in executions(world))
    with pytest.raises(Crash):
        world.fleet.commands.pruning.prune_chunk(str(shard), None)
    world.driver.crash_after(1_000_000_000)
    assert [bool(row.get("pruned_at")) for row in executions(world)] == [True]
    world.settle()
    world.clock.advance(DAY)
    prune(world)
    assert (executions(world), len(pruned(world))) == ([], 1)


def test_deleted_command_leaves_nothing_to_prune(world):
    made = finished(world, 2)
    world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
    world.settle()
    world.clock.advance(31 * DAY)
    prune(world)
    assert (executions(world), pruned(world)) == ([], {})


def test_pruning_without_old_executions_takes_one_query_per_shard(world):
    nodes(world, 100)
    made = command(world)
    fan_out(world, made)
    world.platform.tables.meter.reset()
    for shard in world.fleet.commands.pruning.shards():
        assert world.fleet.commands.pruning.prune_chunk(shard, None) is None
    assert [call.operation for call in world.platform.tables.meter.calls] == ["Query"] * 4
