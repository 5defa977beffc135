"""The counter of a command's executions goes with the command, whatever dies or is lost on the way."""

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.kit.tasks import TABLE as TASKS
from tests.application.fleet.commands.fleet import command, executions, nodes
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def a_finished_command(world):
    made = command(world)
    world.settle()
    for row in executions(world):
        world.fleet.commands.executions.report(
            str(row["node_id"]), str(row["id"]), Report(is_expired=False, exit_code=0)
        )
    world.settle()
    return made


def totals(world):
    """The commands that have a counter."""
    names = {str(row["total"]) for row in world.driver.rows(COUNTERS)}
    return {name.rsplit("#", 1)[1] for name in names if name.startswith("executions#command_id#")}


def later(world):
    world.clock.advance(900)
    world.sweep("sweep_commands")
    world.settle()


def test_command_total_is_removed_with_its_command(world):
    nodes(world, 5)
    gone, kept = a_finished_command(world), command(world)
    world.settle()
    assert totals(world) == {gone.id, kept.id}
    world.fleet.commands.registry.delete(gone.id, reach=EVERYWHERE)
    world.settle()
    later(world)
    assert totals(world) == {kept.id}
    later(world)
    assert (totals(world), world.driver.rows(TASKS)) == ({kept.id}, [])
    assert world.platform.counters.read("executions") == 5


@pytest.mark.parametrize("writes", range(1, 12))
def test_command_total_is_removed_despite_a_crash_after_any_write(world, writes):
    nodes(world, 3)
    made = a_finished_command(world)
    world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
    world.settle(crash_after=writes)
    for _ in range(3):
        later(world)
    assert totals(world) == set()
    assert [world.driver.rows(table) for table in (EXECUTIONS, FAN_OUTS, TASKS)] == [[], [], []]


def test_command_total_changed_after_a_late_deletion_is_removed(world):
    """The deletion was lost: one late pass removes the executions, and then the counter that they still count in."""
    nodes(world, 3)
    made = a_finished_command(world)
    world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
    assert list(world.relay_batches())  # read by nobody
    world.clock.advance(3600)
    for _ in range(3):
        world.sweep("sweep_commands")
        world.settle(twice=True)
        world.clock.advance(900)
    assert totals(world) == set()
    assert world.driver.rows(TASKS) == []
