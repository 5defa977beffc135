"""Rollouts that are paused, resumed and stopped: while steps are made, twice, and after crashes."""

import json

import pytest

from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.rollout import RolloutLimits, RolloutState
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world, "north")
    machines(world, 6)
    world.settle()
    return world


@pytest.fixture
def command(world):
    """Of six nodes, two at a time."""
    made = a_command(world, rollout=RolloutLimits(max_concurrency=2))
    world.settle()
    return made


def steer(world, name, command):
    return getattr(world.fleet.commands.steering, name)(command.id, reach=EVERYWHERE)


def made_of(world, command):
    return [row for row in world.driver.rows(EXECUTIONS) if row["command_id"] == command.id]


def end_open(world, command, exit_code=0):
    for row in made_of(world, command):
        if row["status"] in {"pending", "sent"}:
            report = Report(is_expired=False, exit_code=exit_code)
            world.fleet.commands.executions.report(str(row["node_id"]), str(row["id"]), report)


def progress(world, command):
    return world.fleet.commands.registry.get_with_progress(command.id, reach=EVERYWHERE)[1]


def told(world):
    """The events of rollouts so far, without their beginning."""
    details = [json.loads(entry["Detail"]) for entry in world.bus_client.entries]
    return [each["type"].removeprefix("edge.rollout.") for each in details if "rollout" in each["type"]]


def run_to_end(world, command):
    for _ in range(20):
        end_open(world, command)
        world.settle()


def test_paused_rollout_makes_no_more_and_counts_what_ends(world, command):
    paused = steer(world, "pause", command)
    assert paused.standing.state is RolloutState.PAUSED
    end_open(world, command)
    world.settle()
    shown = progress(world, command)
    assert (shown.summary.succeeded, shown.summary.waiting, shown.summary.open) == (2, 4, 0)
    assert (shown.state, shown.rollout.state) == ("running", "paused")


def test_resumed_rollout_goes_on_to_its_end(world, command):
    steer(world, "pause", command)
    end_open(world, command)
    world.settle()
    assert steer(world, "resume", command).standing.state is RolloutState.RUNNING
    world.settle()
    assert len(made_of(world, command)) == 4
    run_to_end(world, command)
    assert (progress(world, command).summary.succeeded, progress(world, command).state) == (6, "finished")


def test_sweep_goes_on_where_the_message_of_a_resume_was_lost(world, command):
    steer(world, "pause", command)
    end_open(world, command)
    world.settle()
    steer(world, "resume", command)
    list(world.relay_batches())
    world.clock.advance(61)
    world.sweep("sweep_commands")
    world.settle()
    assert len(made_of(world, command)) == 4


def test_stopped_rollout_skips_what_waits_and_leaves_what_is_open(world, command):
    assert steer(world, "stop", command).standing.reason == "stopped"
    world.settle()
    shown = progress(world, command)
    assert (shown.state, shown.summary.open, shown.summary.skipped) == ("running", 2, 4)
    run_to_end(world, command)
    ended = progress(world, command)
    assert (ended.state, ended.summary.succeeded, ended.summary.skipped) == ("finished", 2, 4)
    assert (ended.rollout.state, ended.rollout.reason) == ("stopped", "stopped")


def test_paused_rollout_can_be_stopped_and_a_stopped_one_not_be_resumed(world, command):
    steer(world, "pause", command)
    steer(world, "stop", command)
    before = world.driver.rows(FAN_OUTS)
    assert steer(world, "resume", command).standing.state is RolloutState.STOPPED
    assert steer(world, "pause", command).standing.state is RolloutState.STOPPED
    assert steer(world, "stop", command).standing.reason == "stopped"
    assert world.driver.rows(FAN_OUTS) == before
    run_to_end(world, command)
    assert len(made_of(world, command)) == 2


@pytest.mark.parametrize("name", ["pause", "resume", "stop"])
def test_finished_rollout_stays_as_it_is(world, command, name):
    run_to_end(world, command)
    before = world.driver.rows(FAN_OUTS)
    assert steer(world, name, command).standing.state is RolloutState.FINISHED
    assert world.driver.rows(FAN_OUTS) == before


def test_paused_rollout_stops_after_too_many_errors(world):
    command = a_command(world, rollout=RolloutLimits(max_concurrency=3, max_errors=1))
    world.settle()
    steer(world, "pause", command)
    end_open(world, command, exit_code=1)
    world.settle()
    shown = progress(world, command)
    assert (shown.rollout.state, shown.rollout.reason) == ("stopped", "too_many_errors")
    assert (shown.state, shown.summary.failed, shown.summary.skipped) == ("finished", 3, 3)


def test_paused_rollout_ends_at_its_deadline(world, command):
    steer(world, "pause", command)
    world.clock.advance(25 * 3600)
    for _ in range(3):
        world.sweep("sweep_commands")
        world.settle()
    shown = progress(world, command)
    assert (shown.rollout.reason, shown.summary.expired, shown.summary.skipped) == ("deadline", 2, 4)


def test_cancel_ends_a_paused_rollout(world, command):
    steer(world, "pause", command)
    world.fleet.commands.registry.cancel(command.id, reach=EVERYWHERE)
    world.settle()
    shown = progress(world, command)
    assert (shown.rollout.reason, shown.summary.cancelled, shown.summary.skipped) == ("cancelled", 2, 4)


@pytest.mark.parametrize(("name", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_step_that_is_under_way_makes_nothing_after_a_pause_or_stop(world, command, name, state):
    end_open(world, command)
    world.driver.before_next(lambda: steer(world, name, command), operation="TransactWriteItems", table=EXECUTIONS)
    world.settle()
    assert len(made_of(world, command)) == 2
    assert progress(world, command).rollout.state == state


def test_pause_while_nodes_are_looked_for_lets_the_search_end_and_makes_nothing(world):
    command = a_command(world, rollout=RolloutLimits(max_concurrency=2))
    steer(world, "pause", command)
    world.settle()
    assert (progress(world, command).targets, made_of(world, command)) == (6, [])
    steer(world, "resume", command)
    world.settle()
    assert len(made_of(world, command)) == 2


def test_pauses_at_the_same_time_both_succeed(world, command):
    world.driver.before_next(lambda: steer(world, "pause", command), operation="UpdateItem", table=FAN_OUTS)
    assert steer(world, "pause", command).standing.state is RolloutState.PAUSED


def test_command_without_a_rollout_is_not_paused(world):
    command = a_command(world)
    with pytest.raises(EdgeError) as refused:
        steer(world, "pause", command)
    assert refused.value.message == rules.no_rollout().message


def test_key_of_one_cluster_steers_only_rollouts_of_its_own(world, command):
    a_cluster(world, "south")
    north = world.fleet.clusters.get("north", reach=EVERYWHERE)
    within = Reach(frozenset({north.id}))
    steering = world.fleet.commands.steering
    with pytest.raises(EdgeError) as refused:
        steering.pause(command.id, reach=within)
    assert refused.value.message == rules.rollout_out_of_reach().message
    targeting = Targeting(type=TargetType.CLUSTERS, cluster_names=("north",))
    own = a_command(world, targeting=targeting, reach=within, rollout=RolloutLimits(max_concurrency=1))
    world.settle()
    assert steering.pause(own.id, reach=within).standing.state is RolloutState.PAUSED


def test_rollout_tells_its_start_its_progress_and_its_end(world, command):
    steer(world, "pause", command)
    world.settle()
    steer(world, "resume", command)
    world.settle()
    run_to_end(world, command)
    assert told(world) == ["started", "paused", "resumed", *["progressed"] * 2, "finished"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda world, command: steer(world, "stop", command), "stopped"),
        (lambda world, command: world.fleet.commands.registry.cancel(command.id, reach=EVERYWHERE), "cancelled"),
    ],
)
def test_stopped_rollout_tells_so_once_with_the_reason(world, command, end, reason):
    end(world, command)
    world.settle(twice=True)
    details = [json.loads(entry["Detail"]) for entry in world.bus_client.entries]
    stops = {each["id"]: each["data"] for each in details if each["type"] == "edge.rollout.stopped"}
    (data,) = stops.values()
    assert (data["reason"], data["open"], data["waiting"], data["skipped"]) == (reason, 2, 0, 4)
