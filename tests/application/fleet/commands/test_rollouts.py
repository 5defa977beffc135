"""Rollouts: how many executions are out at a time, when they stop, and what a crash leaves."""

import zlib

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.rollout import RolloutLimits, RolloutState, Standing
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS, ROLLOUT_TARGETS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError, Kind
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
    chunk = step(command.id, None, lambda *_: None)
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


def later(world, seconds):
    world.clock.advance(seconds)
    world.sweep("sweep_commands")
    world.settle()


def run_to_end(world, command):
    while end_open(world, command):
        world.settle()


def hidden_by_its_index(world, count):
    """Machines that an index shows half a minute late."""
    world.driver.index_lag(30)
    found = machines(world, count)
    world.clock.advance(1)
    return {machine.id for machine in found}


@pytest.mark.parametrize("twice", [False, True])
def test_node_that_an_index_hid_gets_its_turn_after_the_first_look(world, twice):
    machines(world, 3)
    world.settle()
    world.clock.advance(60)
    late = hidden_by_its_index(world, 2)
    command = a_command(world, rollout=RolloutLimits(max_concurrency=1))
    world.settle(twice=twice)
    run_to_end(world, command)
    assert (progress(world, command).rollout.state, len(executions(world, command))) == ("finished", 3)
    world.clock.advance(60)
    world.driver.index_lag(0)
    world.sweep("sweep_commands")
    world.settle(twice=twice)
    going_on = progress(world, command)
    assert (going_on.state, going_on.targets, going_on.summary.open) == ("running", 5, 1)
    run_to_end(world, command)
    assert late <= {str(row["node_id"]) for row in executions(world, command)}
    ended = progress(world, command)
    assert (ended.state, ended.summary.succeeded, ended.summary.total) == ("finished", 5, 5)
    for seconds in (61, 901, 901):
        later(world, seconds)
    assert (progress(world, command).targets, len(executions(world, command))) == (5, 5)
    row = next(row for row in world.driver.rows(FAN_OUTS) if row["command_id"] == command.id)
    assert (row.get("looks_since"), row["due_at"]) == (None, row["deadline"])


def test_machine_that_enrols_during_a_rollout_gets_no_turn(world):
    machines(world, 2)
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency=1))
    world.settle()
    world.clock.advance(5)
    machines(world, 2)
    world.settle()
    run_to_end(world, command)
    for seconds in (61, 901):
        later(world, seconds)
    assert (progress(world, command).targets, len(executions(world, command))) == (2, 2)


@pytest.mark.parametrize("end", ["cancel", "stop"])
def test_rollout_that_was_ended_looks_for_no_hidden_nodes(world, end):
    machines(world, 2)
    world.settle()
    world.clock.advance(60)
    hidden_by_its_index(world, 2)
    command = a_command(world, rollout=RolloutLimits(max_concurrency=1))
    world.settle()
    commands = world.fleet.commands
    (commands.registry.cancel if end == "cancel" else commands.steering.stop)(command.id, reach=EVERYWHERE)
    world.settle()
    end_open(world, command)
    world.driver.index_lag(0)
    for seconds in (61, 901):
        later(world, seconds)
    assert (progress(world, command).targets, len(executions(world, command))) == (2, 1)


def test_rollout_to_named_nodes_is_not_looked_at_again(world):
    found = machines(world, 2)
    world.settle()
    targeting = Targeting(type=TargetType.NODES, node_ids=tuple(machine.id for machine in found))
    command = a_command(world, targeting=targeting, rollout=RolloutLimits())
    world.settle()
    run_to_end(world, command)
    (row,) = (row for row in world.driver.rows(FAN_OUTS) if row["command_id"] == command.id)
    assert (row.get("looks_since"), row["due_at"]) == (None, row["deadline"])


def test_delete_that_a_look_overtakes_is_refused_as_while_executions_are_made(world):
    machines(world, 1)
    world.settle()
    world.clock.advance(60)
    hidden_by_its_index(world, 1)
    command = a_command(world, rollout=RolloutLimits())
    world.settle()
    run_to_end(world, command)
    world.driver.index_lag(0)
    world.clock.advance(60)
    registry = world.fleet.commands.registry

    def look():
        world.sweep("sweep_commands")
        world.settle()

    world.driver.before_next(look, operation="TransactWriteItems", table=COMMANDS)
    with pytest.raises(EdgeError) as refused:
        registry.delete(command.id, reach=EVERYWHERE)
    assert refused.value.kind is Kind.CONFLICT
    run_to_end(world, command)
    assert progress(world, command).summary.succeeded == 2


class TestPartOfARollout:
    @pytest.fixture
    def south(self, world):
        a_cluster(world, "south")
        machines(world, 3, "north")
        machines(world, 4, "south")
        world.settle()
        return Reach(frozenset({world.fleet.clusters.get("south", reach=EVERYWHERE).id}))

    def part(self, world, command, reach):
        return world.fleet.commands.registry.get_with_progress(command.id, reach=reach)[1]

    def reached(self, world, command):
        return [row for row in executions(world, command) if row["node_cluster_name"] == "south"]

    def test_restricted_key_sees_what_waits_in_its_clusters(self, world, south):
        command = a_command(world, rollout=RolloutLimits(max_concurrency=6))
        world.settle()
        shown = self.part(world, command, south)
        there = len(self.reached(world, command))
        assert (shown.state, shown.summary.open, shown.summary.waiting) == ("running", there, 4 - there)
        assert (shown.targets, shown.rollout) == (4, Standing(RolloutState.RUNNING))
        run_to_end(world, command)
        ended = self.part(world, command, south)
        assert (ended.state, ended.summary.succeeded, ended.summary.total) == ("finished", 4, 4)

    def test_restricted_key_sees_what_was_skipped_and_dropped_in_its_clusters(self, world, south):
        command = a_command(world, rollout=RolloutLimits(max_concurrency=6))
        world.settle()
        world.fleet.commands.steering.stop(command.id, reach=EVERYWHERE)
        there = len(self.reached(world, command))
        shown = self.part(world, command, south)
        assert (shown.summary.skipped, shown.summary.total) == (4 - there, 4)

    def test_restricted_key_sees_how_many_of_its_nodes_were_gone(self, world, south):
        command = a_command(world, rollout=RolloutLimits(max_concurrency=5))
        world.settle()
        assert 0 < len(self.reached(world, command)) < 4
        for row in [row for row in world.driver.rows(NODES) if row["cluster_name"] == "south"]:
            world.fleet.nodes.placing.delete(str(row["id"]), reach=EVERYWHERE)
        world.settle()
        run_to_end(world, command)
        ended = self.part(world, command, south)
        assert (ended.state, ended.summary.dropped, ended.summary.total) == ("finished", 4, 4)


def test_targets_without_clusters_are_of_no_part(world):
    """As an earlier version stored them."""
    a_cluster(world, "south")
    machines(world, 3, "south")
    world.settle()
    command = a_command(world, rollout=RolloutLimits(max_concurrency=1))
    world.settle()
    for row in world.driver.rows(ROLLOUT_TARGETS):
        if "nodes" in row:
            ids = zlib.decompress(row["nodes"]).decode().split("\n")
            world.driver.load(ROLLOUT_TARGETS, [{"id": row["id"], "node_ids": ids, "version": 1}])
    south = Reach(frozenset({world.fleet.clusters.get("south", reach=EVERYWHERE).id}))
    shown = world.fleet.commands.registry.get_with_progress(command.id, reach=south)[1]
    assert (shown.summary.open, shown.summary.waiting) == (1, 0)
    run_to_end(world, command)
    assert progress(world, command).summary.succeeded == 3
