"""Schedules run: once for each time, with their owner's rights, whatever fails when."""

from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib.fleet.commands.queues import TIMELY_WORK
from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.schedules.model import Definition, State, Timing
from chalicelib.fleet.schedules.store import RUNS, SCHEDULES
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.audit.store import TABLE as AUDIT
from tests.application.fleet.schedules.scene import (
    OWNER,
    a_schedule,
    commands,
    executions,
    key_id,
    now_of,
    pass_time,
    runs,
)
from tests.support.builders import a_cluster, machines
from tests.support.fakes.dynamo import Crash
from tests.support.world import World

HOUR = 3600


@pytest.fixture
def world():
    world = World()
    for name in ("north", "south"):
        a_cluster(world, name)
        machines(world, 2, name)
    world.settle()
    return world


def owner_of(world, **wanted):
    return world.platform.callers.standing.find(f"key:{key_id(world, **wanted)}")


def test_time_that_has_come_gives_the_command_and_says_by_which_schedule(world):
    schedule = a_schedule(world)
    pass_time(world, HOUR - 1)
    assert commands(world) == []
    pass_time(world, 1)
    (command,) = commands(world)
    assert command["schedule"] == {"id": schedule.id, "name": "hourly"}
    assert (runs(world), len(executions(world))) == ([("2026-11-21T11:00:00Z", "created", 1)], 4)
    assert now_of(world, schedule).next_at == "2026-11-21T12:00:00Z"
    # The window begins at the time of the schedule.
    assert command["expired_at"] == "2026-11-21T11:30:00Z"


def test_time_that_has_come_goes_out_in_the_waves_of_its_schedule(world):
    a_schedule(world, rollout=RolloutLimits(max_concurrency=1, max_errors="5%"))
    pass_time(world, HOUR)
    (command,) = commands(world)
    assert command["rollout"] == {"max_concurrency": 1, "max_errors": "5%"}
    assert len(executions(world)) == 1


def test_each_time_runs_once_though_all_is_delivered_twice(world):
    a_schedule(world)
    for _ in range(3):
        pass_time(world, HOUR, twice=True)
        world.sweep("sweep_commands")
        world.settle(twice=True)
    assert [(result, count) for _, result, count in runs(world)] == [("created", 1)] * 3
    assert len(commands(world)) == 3


def test_two_workers_at_the_same_time_give_one_command(world):
    schedule = a_schedule(world)
    world.clock.advance(HOUR)
    running = world.fleet.schedules.running
    world.driver.before_next(lambda: running.run(schedule.id), operation="TransactWriteItems", table=COMMANDS)
    running.run(schedule.id)
    assert (len(commands(world)), len(runs(world))) == (1, 1)


@pytest.mark.parametrize("after", range(1, 6))
def test_crash_after_any_write_neither_loses_nor_repeats_a_time(world, after):
    a_schedule(world)
    world.clock.advance(HOUR)
    world.driver.crash_after(after)
    with suppress(Crash):
        world.sweep("sweep_commands")
    world.settle(crash_after=after)
    for _ in range(3):
        pass_time(world, 61)
    assert [(at, result) for at, result, _ in runs(world)] == [("2026-11-21T11:00:00Z", "created")]
    assert len(commands(world)) == 1


def test_lost_message_is_found_by_a_later_sweep(world):
    a_schedule(world)
    world.clock.advance(HOUR)
    world.sweep("sweep_commands")
    world.queue_client.take(TIMELY_WORK)
    world.settle()
    assert commands(world) == []
    pass_time(world, 61)
    assert len(commands(world)) == 1


def test_newest_of_missed_times_runs_and_the_others_are_noted(world):
    a_schedule(world)
    pass_time(world, 5 * HOUR + 60)
    assert runs(world) == [("2026-11-21T11:00:00Z", "missed", 4), ("2026-11-21T15:00:00Z", "created", 1)]
    rows = {row.get("result"): row for row in world.driver.rows(RUNS)}
    assert rows["missed"]["until"] == "2026-11-21T14:00:00Z"


def test_time_whose_window_has_passed_is_missed(world):
    a_schedule(world, window=120)
    pass_time(world, HOUR + 121)
    assert (runs(world), commands(world)) == ([("2026-11-21T11:00:00Z", "missed", 1)], [])


def test_only_time_finishes_the_schedule(world):
    schedule = a_schedule(world, Timing(once_at="2026-11-21T10:30:00Z"))
    pass_time(world, 1800)
    ended = now_of(world, schedule)
    assert (ended.state, ended.next_at, len(commands(world))) == (State.FINISHED, None, 1)
    with pytest.raises(EdgeError) as refused:
        world.fleet.schedules.registry.resume(schedule.id, OWNER, reach=EVERYWHERE)
    assert refused.value.kind is Kind.CONFLICT


def test_machines_that_are_off_are_skipped_and_the_rest_has_a_short_deadline(world):
    a_schedule(world, window=None, timeout=60_000)
    world.clock.advance(HOUR - 60)
    (alive,) = machines(world, 1)
    pass_time(world, 60)
    assert {row["node_id"] for row in executions(world)} == {alive.id}
    assert commands(world)[0]["expired_at"] == "2026-11-21T11:16:00Z"


def test_schedule_runs_within_its_owners_reach(world):
    north = world.fleet.clusters.get("north", reach=EVERYWHERE)
    a_schedule(world, owner=owner_of(world, restrictions={"clusters": {north.id}}))
    pass_time(world, HOUR)
    assert {row["node_cluster_name"] for row in executions(world)} == {"north"}


def test_schedule_is_paused_once_its_key_is_revoked(world):
    owner = owner_of(world)
    schedule = a_schedule(world, owner=owner)
    world.platform.callers.api_keys.revoke(owner.id)
    pass_time(world, HOUR)
    paused = now_of(world, schedule)
    assert (paused.state, paused.reason) == (State.PAUSED, "its key was revoked at 2026-11-21T10:00:00Z")
    assert (commands(world), runs(world)) == ([], [("2026-11-21T11:00:00Z", "refused", 1)])
    pass_time(world, 5 * HOUR)
    assert len(runs(world)) == 1
    # Another key takes it over.
    resumed = world.fleet.schedules.registry.resume(schedule.id, OWNER, reach=EVERYWHERE)
    assert (resumed.owner, resumed.reason, resumed.next_at) == ("MASTER_KEY", None, "2026-11-21T17:00:00Z")


def test_schedule_is_paused_once_its_key_has_expired(world):
    owner = owner_of(world, expires_at=world.clock.now() + timedelta(minutes=5))
    schedule = a_schedule(world, owner=owner)
    pass_time(world, HOUR)
    assert now_of(world, schedule).reason == "its key expired at 2026-11-21T10:05:00Z"


def test_refused_command_is_noted_with_its_reason_and_the_schedule_goes_on(world):
    a_cluster(world, "west")
    targeting = Targeting(type=TargetType.CLUSTERS, cluster_names=("west",))
    schedule = a_schedule(world, targeting=targeting)
    world.fleet.clusters.delete("west", reach=EVERYWHERE)
    pass_time(world, HOUR)
    (row,) = [row for row in world.driver.rows(RUNS) if "result" in row]
    assert row["result"] == "refused"
    assert "there is no cluster 'west'" in str(row["reason"])
    assert now_of(world, schedule).next_at == "2026-11-21T12:00:00Z"


def test_paused_schedule_gives_nothing_and_misses_nothing(world):
    schedule = a_schedule(world)
    world.fleet.schedules.registry.pause(schedule.id, reach=EVERYWHERE)
    pass_time(world, 3 * HOUR)
    assert (commands(world), runs(world)) == ([], [])
    world.fleet.schedules.registry.resume(schedule.id, OWNER, reach=EVERYWHERE)
    pass_time(world, HOUR)
    assert runs(world) == [("2026-11-21T14:00:00Z", "created", 1)]


def test_change_that_comes_while_a_time_is_worked_on_wins(world):
    schedule = a_schedule(world)
    world.clock.advance(HOUR)
    world.sweep("sweep_commands")
    known = world.fleet.schedules.registry.get(schedule.id, reach=EVERYWHERE)
    later = Definition("hourly", known.command, Timing(cron="30 * * * *"), 1800)
    world.fleet.schedules.registry.change(schedule.id, later, known, OWNER, reach=EVERYWHERE)
    world.settle()
    assert commands(world) == []
    pass_time(world, 1800)
    assert runs(world) == [("2026-11-21T11:30:00Z", "created", 1)]


def test_audit_log_says_by_which_schedule_and_for_whom_a_command_was_given(world):
    owner = owner_of(world)
    a_schedule(world, owner=owner)
    pass_time(world, HOUR)
    (event,) = [row for row in world.driver.rows(AUDIT) if row["operation"] == "command.create"]
    assert (event["principal_id"], event["principal_name"]) == (owner.id, f"{owner.name} (schedule hourly)")


def test_schedules_at_rest_cost_a_sweep_one_query(world):
    for number in range(20):
        a_schedule(world, name=f"number {number}")
    world.settle()
    world.platform.tables.meter.reset()
    assert list(world.fleet.schedules.running.due_work(100)) == [[]]
    assert [(call.operation, call.table) for call in world.platform.tables.meter.calls] == [("Query", SCHEDULES.name)]


def test_names_are_unique_and_free_again_after_a_change_and_a_deletion(world):
    registry = world.fleet.schedules.registry
    first = a_schedule(world, name="one")
    with pytest.raises(EdgeError) as refused:
        a_schedule(world, name="one")
    assert refused.value.kind is Kind.CONFLICT
    known = registry.get(first.id, reach=EVERYWHERE)
    registry.change(first.id, Definition("two", known.command, known.timing, None), known, OWNER, reach=EVERYWHERE)
    second = a_schedule(world, name="one")
    registry.delete(second.id, reach=EVERYWHERE)
    a_schedule(world, name="one")
    with pytest.raises(EdgeError) as refused:
        a_schedule(world, name="two")
    assert refused.value.kind is Kind.CONFLICT


def test_viewer_owns_no_schedule(world):
    with pytest.raises(EdgeError) as refused:
        a_schedule(world, owner=owner_of(world, role=KeyRole.VIEWER))
    assert refused.value.kind is Kind.FORBIDDEN


def test_execution_of_a_late_run_ends_with_the_window(world):
    a_schedule(world)
    pass_time(world, HOUR + 600)
    pass_time(world, 1300)
    assert {row["status"] for row in world.driver.rows(EXECUTIONS)} == {"expired"}
    assert parse_time(str(commands(world)[0]["expired_at"])) == parse_time("2026-11-21T11:30:00Z")
