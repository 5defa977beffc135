"""Retries: which nodes they take, whatever changes meanwhile."""

import json

import pytest

from chalicelib.fleet.commands.model import Report, RetriedOutcome, Retry
from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.commands.target_pages import TargetPages
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.principal import root
from tests.support.builders import a_cluster, a_command, machines
from tests.support.fakes.dynamo import Crash
from tests.support.world import World

FAILED = Retry((RetriedOutcome.FAILED,))
ENDED = Retry(tuple(RetriedOutcome))

LONG_WAY = pytest.mark.parametrize("world", [False], indirect=True, ids=["long way"])
"""For what happens between the retry and its executions."""


@pytest.fixture
def world(request):
    """Indirectly parametrized: whether few executions are made with their command."""
    world = World(short_way=getattr(request, "param", True))
    for name in ("north", "south"):
        a_cluster(world, name)
    return world


@pytest.fixture
def fleet(world):
    """Four machines of north, which were given a command."""
    found = machines(world, 4)
    world.settle()
    return found


@pytest.fixture
def given(world, fleet):
    made = a_command(world, "restart", timeout=3000)
    world.settle()
    return made


def rows_of(world, command):
    return {str(row["node_id"]): row for row in world.driver.rows(EXECUTIONS) if row["command_id"] == command.id}


def end(world, command, machine, exit_code, *, is_expired=False):
    row = rows_of(world, command)[machine.id]
    report = Report(is_expired=is_expired, exit_code=exit_code)
    world.fleet.commands.executions.report(machine.id, str(row["id"]), report)


def retry(world, command, wanted, reach=EVERYWHERE):
    return world.fleet.commands.retries.retry(command.id, wanted, reach=reach, by=root("MASTER_KEY"))


def test_retry_takes_exactly_the_nodes_with_the_chosen_outcome(world, fleet, given):
    end(world, given, fleet[0], 0)
    end(world, given, fleet[1], 1)
    end(world, given, fleet[2], None, is_expired=True)
    made = retry(world, given, FAILED)
    world.settle(twice=True)
    assert set(rows_of(world, made)) == {fleet[1].id}
    assert (made.retry_of, made.command_text, made.timeout) == (given.id, "restart", 3000)
    # The deadline is a new one.
    world.clock.advance(3600)
    both = retry(world, given, Retry((RetriedOutcome.FAILED, RetriedOutcome.EXPIRED), "restart --now", no_timeout=True))
    world.settle()
    assert set(rows_of(world, both)) == {fleet[1].id, fleet[2].id}
    assert (both.command_text, both.timeout) == ("restart --now", None)
    assert str(both.expired_at) > str(given.expired_at)


def test_execution_that_fails_after_the_retry_was_accepted_is_left_out(world, fleet, given):
    end(world, given, fleet[0], 1)
    made = retry(world, given, FAILED)
    world.clock.advance(2)
    end(world, given, fleet[1], 1)
    world.settle()
    world.clock.advance(60)
    world.sweep("sweep_commands")
    world.settle()
    assert set(rows_of(world, made)) == {fleet[0].id}


@LONG_WAY
def test_machine_whose_late_result_came_meanwhile_does_not_run_it_again(world, fleet, given):
    for machine in fleet[:2]:
        world.fleet.commands.executions.cancel(str(rows_of(world, given)[machine.id]["id"]), reach=EVERYWHERE)
    made = retry(world, given, ENDED)
    world.clock.advance(2)
    end(world, given, fleet[0], 0)
    world.settle()
    assert set(rows_of(world, made)) == {fleet[1].id}


def test_end_that_an_index_hid_is_found_by_the_second_look(world, fleet, given):
    end(world, given, fleet[0], 1)
    world.clock.advance(1)
    world.driver.index_lag(30)
    end(world, given, fleet[1], 1)
    made = retry(world, given, FAILED)
    world.settle()
    assert set(rows_of(world, made)) == {fleet[0].id}
    world.clock.advance(61)
    world.sweep("sweep_commands")
    world.settle()
    assert set(rows_of(world, made)) == {fleet[0].id, fleet[1].id}


@LONG_WAY
def test_nodes_that_are_gone_are_passed_over(world, fleet, given):
    for machine in fleet[:2]:
        end(world, given, machine, 1)
    made = retry(world, given, FAILED)
    world.fleet.nodes.placing.delete(fleet[0].id, reach=EVERYWHERE)
    world.settle()
    assert set(rows_of(world, made)) == {fleet[1].id}


def test_retry_of_a_restricted_key_takes_what_is_and_was_within_reach(world, fleet):
    others = machines(world, 1, "south")
    given = a_command(world)
    world.settle()
    for machine in (*fleet, *others):
        end(world, given, machine, 1)
    north = world.fleet.clusters.get("north", reach=EVERYWHERE)
    world.fleet.nodes.placing.change_cluster(fleet[0].id, "south", reach=EVERYWHERE)
    world.fleet.nodes.placing.change_cluster(others[0].id, "north", reach=EVERYWHERE)
    world.settle()
    made = retry(world, given, FAILED, Reach(frozenset({north.id})))
    world.settle()
    assert set(rows_of(world, made)) == {machine.id for machine in fleet[1:]}


def test_command_out_of_reach_is_not_found(world, given):
    south = world.fleet.clusters.get("south", reach=EVERYWHERE)
    with pytest.raises(EdgeError) as refused:
        retry(world, given, FAILED, Reach(frozenset({south.id})))
    assert refused.value.kind is Kind.NOT_FOUND


def test_retry_crashed_at_any_write_still_takes_each_node_once(fleet, world, given):
    for machine in fleet:
        end(world, given, machine, 2)
    world.settle()
    for after in range(1, 4):
        made = retry(world, given, FAILED)
        try:
            world.settle(crash_after=after, twice=True)
        except Crash:
            world.settle(twice=True)
        world.clock.advance(120)
        world.sweep("sweep_commands")
        world.settle()
        assert set(rows_of(world, made)) == {machine.id for machine in fleet}


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_of_any_size_together_hold_each_node_once(world, size):
    fleet = machines(world, 20)
    given = a_command(world)
    world.settle()
    for machine in fleet[:13]:
        end(world, given, machine, 1)
    made = retry(world, given, FAILED)
    pages, cursor, found = TargetPages(world.platform.tables, world.fleet.nodes.reading), None, []
    while True:
        page = pages.page(made, "executions", cursor, size)
        assert len(page.nodes) <= size
        found += [node.id for node in page.nodes]
        if page.cursor is None:
            break
        cursor = json.loads(json.dumps(page.cursor))
    assert sorted(found) == sorted(machine.id for machine in fleet[:13])


def test_retry_goes_out_in_waves_if_it_is_asked_to(world, fleet, given):
    for machine in fleet:
        end(world, given, machine, 1)
    world.clock.advance(1)
    wanted = Retry((RetriedOutcome.FAILED,), rollout=RolloutLimits(max_concurrency=3))
    again = world.fleet.commands.retries.retry(given.id, wanted, reach=EVERYWHERE, by=root("MASTER_KEY"))
    world.settle()
    assert (again.rollout, len(rows_of(world, again))) == (RolloutLimits(max_concurrency=3), 3)
