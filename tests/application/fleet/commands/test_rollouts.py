"""Rollouts: how many executions are out at a time, when they stop, and what a crash leaves."""

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.rollout import RolloutLimits, RolloutState, Standing
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, ROLLOUT_TARGETS
from chalicelib.fleet.reach import EVERYWHERE
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world, "north")
    return world


def executions(world, command):
    return [row for row in world.driver.rows(EXECUTIONS) if row["command_id"] == command.id]


def end_open(world, command, exit_code=0, most=None):
    rows = [row for row in executions(world, command) if row["status"] in {"pending", "sent"}]
    for row in rows[:most]:
        report = Report(is_expired=False, exit_code=exit_code)
        world.fleet.commands.executions.report(str(row["node_id"]), str(row["id"]), report)
    return len(rows)


def progress(world, command):
    return world.fleet.commands.registry.get_with_progress(command.id, reach=EVERYWHERE)[1]


def test_rollout_hands_out_no_more_than_its_concurrency_at_a_time(world):
    machines(world, 12)
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency=5))
    world.settle()
    assert len(executions(world, command)) == 5
    at_first = progress(world, command)
    assert (at_first.targets, at_first.summary.waiting) == (12, 7)
    assert at_first.rollout == Standing(RolloutState.RUNNING, None, 5)
    sizes = []
    while (size := end_open(world, command)) > 0:
        sizes.append(size)
        world.settle()
    assert sum(sizes) == 12
    assert max(sizes) == 5
    at_last = progress(world, command)
    assert (at_last.state, at_last.targets, at_last.summary.succeeded) == ("finished", 12, 12)
    assert at_last.rollout == Standing(RolloutState.FINISHED, None, 5)
    assert len(executions(world, command)) == 12


def test_rollout_stops_when_more_fail_than_may(world):
    machines(world, 30)
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency="20%", max_errors=2))
    world.settle()
    while end_open(world, command, exit_code=1, most=1):
        world.settle()
    assert len(executions(world, command)) <= 6 + 2
    stopped = progress(world, command)
    assert stopped.rollout == Standing(RolloutState.STOPPED, "too_many_errors", 6, 2)
    assert (stopped.state, stopped.summary.total) == ("finished", 30)
    assert stopped.summary.skipped == 30 - len(executions(world, command))


def test_cancel_of_a_rollout_skips_what_waits(world):
    machines(world, 6)
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency=2))
    world.settle()
    world.fleet.commands.registry.cancel(command.id, reach=EVERYWHERE)
    world.settle()
    cancelled = progress(world, command)
    assert (cancelled.summary.cancelled, cancelled.summary.skipped, cancelled.summary.waiting) == (2, 4, 0)
    assert (cancelled.rollout.state, cancelled.rollout.reason) == ("stopped", "cancelled")


def test_deadline_of_a_rollout_skips_what_waits(world):
    machines(world, 6)
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency=2))
    world.settle()
    world.clock.advance(25 * 3600)
    for _ in range(3):
        world.sweep("sweep_commands")
        world.settle()
    late = progress(world, command)
    assert (late.summary.expired, late.summary.skipped, late.summary.total) == (2, 4, 6)
    assert (late.rollout.state, late.rollout.reason) == ("stopped", "deadline")


def test_sweep_goes_on_where_the_message_of_an_end_was_lost(world):
    machines(world, 6)
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency=2))
    world.settle()
    end_open(world, command)
    fan_out = next(row for row in world.driver.rows(FAN_OUTS) if row["command_id"] == command.id)
    step = world.fleet.commands.waves.step
    assert fan_out["parts"] == frozenset({"rollout"})
    chunk = step(command.id, None, lambda _: None)
    assert len(executions(world, command)) == 4
    # The messages of the same ends, late, and twice: nothing more is out.
    assert chunk.cursor is None
    world.settle(twice=True)
    assert len(executions(world, command)) == 4


def test_node_that_is_gone_when_its_turn_comes_counts_as_dropped(world):
    found = machines(world, 4)
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency=1))
    world.settle()
    there = {str(row["node_id"]) for row in executions(world, command)}
    gone = next(machine for machine in found if machine.id not in there)
    world.fleet.nodes.placing.delete(gone.id, reach=EVERYWHERE)
    while end_open(world, command):
        world.settle()
    done = progress(world, command)
    assert (done.summary.succeeded, done.summary.dropped, done.summary.total, done.state) == (3, 1, 4, "finished")


def test_deleted_command_leaves_no_targets(world):
    machines(world, 3)
    world.settle()
    command = a_command(world, rollout=RolloutLimits())
    world.settle()
    end_open(world, command)
    world.settle()
    world.fleet.commands.registry.delete(command.id, reach=EVERYWHERE)
    world.settle()
    assert not world.driver.rows(ROLLOUT_TARGETS)
