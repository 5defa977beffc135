"""Cancelling a whole command: what it stops at once, what follows, and that repeats and crashes change nothing."""

from datetime import timedelta

import pytest

from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.queues import TIMELY_WORK
from chalicelib.fleet.commands.store import FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from tests.application.fleet.commands.fleet import a_node, command, executions, fan_out, first_messages, nodes, run
from tests.support.world import World

CANCELLED = "edge.command_execution.cancelled"


@pytest.fixture
def world() -> World:
    return World()


def statuses(world):
    return sorted(str(row["status"]) for row in executions(world))


def acknowledge(world, row):
    world.fleet.commands.executions.acknowledge(str(row["node_id"]), str(row["id"]))


def cancel(world, made):
    world.fleet.commands.registry.cancel(made.id, reach=EVERYWHERE)


def sweep(world, seconds):
    world.clock.advance(seconds)
    world.sweep("sweep_commands")
    world.settle()


def due_at(world):
    return [row.get("due_at") for row in world.driver.rows(FAN_OUTS)]


def asked(world):
    return [row for row in executions(world) if row.get("cancel_requested_at")]


def test_cancel_of_a_command_is_one_write_for_any_fleet_size(world):
    nodes(world, 50)
    made = command(world)
    fan_out(world, made)
    world.platform.tables.meter.reset()
    cancel(world, made)
    assert [call.operation for call in world.platform.tables.meter.calls] == ["UpdateItem"]


def test_cancel_ends_pending_executions_and_asks_running_ones_to_stop(world):
    nodes(world, 6)
    made = command(world)
    world.settle()
    taken, ended = executions(world)[:2]
    acknowledge(world, taken)
    acknowledge(world, ended)
    world.fleet.commands.executions.report(
        str(ended["node_id"]), str(ended["id"]), Report(is_expired=False, exit_code=0)
    )
    cancel(world, made)
    world.settle(twice=True)
    assert statuses(world) == ["cancelled"] * 4 + ["completed", "sent"]
    assert [row["id"] for row in asked(world)] == [taken["id"]]
    told = {one["id"] for one in world.bus_client.envelopes if one["type"] == CANCELLED}
    assert len(told) == 4


def test_agent_gets_one_stop_request_per_cancellation(world):
    a_node(world)
    made = command(world)
    world.settle()
    (row,) = executions(world)
    acknowledge(world, row)
    cancel(world, made)
    world.settle(twice=True)
    (first,) = asked(world)
    for _ in range(4):
        sweep(world, 600)
    assert asked(world) == [first]
    cancel(world, made)
    world.settle()
    assert asked(world)[0]["cancel_requested_at"] > first["cancel_requested_at"]


def test_cancelled_fan_out_creates_no_further_executions(world):
    nodes(world, 3)
    made = command(world)
    messages = first_messages(world, made)
    run(world, messages[0])
    cancel(world, made)
    for message in messages:
        assert run(world, message) == []
    world.settle()
    assert set(statuses(world)) <= {"cancelled"}
    assert not any(row.get("parts") for row in world.driver.rows(FAN_OUTS))


def test_fan_out_chunk_overtaken_by_a_cancellation_is_not_written(world):
    nodes(world, 3)
    made = command(world)
    for message in first_messages(world, made):
        world.driver.before_next(lambda: cancel(world, made), operation="TransactWriteItems", table=FAN_OUTS)
        run(world, message)
    assert executions(world) == []


def test_execution_hidden_by_index_lag_is_cancelled_by_a_later_pass(world):
    nodes(world, 3)
    made = command(world)
    fan_out(world, made)
    world.driver.index_lag(30)
    nodes(world, 1)
    late = command(world)
    fan_out(world, late)
    cancel(world, late)
    world.settle()
    assert "pending" in statuses(world)
    world.driver.index_lag(0)
    sweep(world, 61)
    assert {str(row["status"]) for row in executions(world) if row["command_id"] == late.id} == {"cancelled"}


def test_running_execution_of_a_cancelled_command_expires_at_deadline(world):
    a_node(world)
    made = command(world, expired_at=world.clock.now() + timedelta(hours=2))
    world.settle()
    acknowledge(world, executions(world)[0])
    cancel(world, made)
    world.settle()
    for _ in range(4):
        sweep(world, 600)
    assert statuses(world) == ["sent"]
    assert due_at(world) == [made.expired_at]
    sweep(world, 7200)
    assert statuses(world) == ["expired"]
    for _ in range(3):
        sweep(world, 1000)
    assert due_at(world) == [None]


def test_cancelled_command_without_deadline_ends_with_no_due_work(world):
    nodes(world, 2)
    made = command(world, never_expires=True)
    world.settle()
    cancel(world, made)
    for _ in range(4):
        sweep(world, 600)
    assert (statuses(world), due_at(world)) == (["cancelled"] * 2, [None])


def test_cancellation_with_a_lost_message_is_completed_by_the_sweep(world):
    nodes(world, 2)
    made = command(world)
    world.settle()
    cancel(world, made)
    for _ in world.relay_batches():
        pass
    sweep(world, 61)
    assert statuses(world) == ["cancelled"] * 2


@pytest.mark.parametrize("crash_after", range(1, 12))
def test_cancellation_with_a_crash_after_any_write_completes(world, crash_after):
    nodes(world, 4)
    made = command(world)
    world.settle()
    acknowledge(world, executions(world)[0])
    cancel(world, made)
    world.settle(twice=True, crash_after=crash_after)
    assert statuses(world) == ["cancelled"] * 3 + ["sent"]
    assert len({one["id"] for one in world.bus_client.envelopes if one["type"] == CANCELLED}) == 3


def test_cancellation_of_more_than_one_chunk_cancels_all(world):
    nodes(world, 450)
    made = command(world)
    world.settle()
    cancel(world, made)
    world.settle()
    assert statuses(world) == ["cancelled"] * 450


def test_deleted_command_cannot_be_cancelled(world):
    nodes(world, 2)
    made = command(world)
    world.settle()
    cancel(world, made)
    world.settle()
    world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
    with pytest.raises(EdgeError) as caught:
        cancel(world, made)
    assert caught.value.kind is Kind.NOT_FOUND
    world.settle()
    for _ in range(3):
        sweep(world, 1000)
    assert (executions(world), world.driver.rows(FAN_OUTS)) == ([], [])


def test_cancel_of_unknown_command_is_not_found(world):
    with pytest.raises(EdgeError) as caught:
        world.fleet.commands.registry.cancel("01900000-0000-7000-8000-000000000001", reach=EVERYWHERE)
    assert (caught.value.kind, world.driver.rows(FAN_OUTS)) == (Kind.NOT_FOUND, [])


def test_command_summary_counts_executions_by_status(world):
    nodes(world, 7)
    made = command(world)
    fan_out(world, made)
    rows = executions(world)
    for row, code in zip(rows, (0, 3, None), strict=False):
        report = Report(is_expired=False, exit_code=code)
        world.fleet.commands.executions.report(str(row["node_id"]), str(row["id"]), report)
    acknowledge(world, rows[3])
    world.fleet.commands.executions.cancel(str(rows[4]["id"]), reach=EVERYWHERE)
    world.fleet.commands.executions.report(str(rows[5]["node_id"]), str(rows[5]["id"]), Report(is_expired=True))
    _, progress = world.fleet.commands.registry.get_with_progress(made.id, reach=EVERYWHERE)
    expected = {
        "pending": 1,
        "sent": 1,
        "succeeded": 2,
        "failed": 1,
        "cancelled": 1,
        "expired": 1,
        "waiting": 0,
        "skipped": 0,
        "dropped": 0,
    }
    assert vars(progress.summary) == expected
    assert (progress.state, progress.targets, progress.summary.open) == ("running", 7, 2)


def test_command_summary_of_many_executions_takes_five_calls(world):
    nodes(world, 300)
    made = command(world)
    fan_out(world, made)
    world.platform.tables.meter.reset()
    _, progress = world.fleet.commands.registry.get_with_progress(made.id, reach=EVERYWHERE)
    assert progress.summary.pending == 300
    assert world.platform.tables.meter.count == 1 + 4


def test_command_summary_beyond_its_limit_is_none(world):
    nodes(world, 20)
    made = command(world)
    fan_out(world, made)
    store = ExecutionStore(world.platform.tables)
    assert store.summary_of(made.id, 19) is None
    assert store.summary_of(made.id, 20).pending == 20


def test_cancel_leaves_executions_of_other_commands(world):
    nodes(world, 3)
    other = command(world)
    made = command(world)
    world.settle()
    cancel(world, made)
    world.settle()
    kept = [row["status"] for row in executions(world) if row["command_id"] == other.id]
    assert kept == [Status.PENDING.value] * 3
    assert world.queue_client.take(TIMELY_WORK) == []
