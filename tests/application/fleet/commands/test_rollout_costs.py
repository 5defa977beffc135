"""What a rollout costs: a command to the same nodes without one is the measure."""

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, ROLLOUT_TARGETS
from tests.bench.local_figures import Written
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World

NODES = 250
TABLES = (EXECUTIONS, FAN_OUTS, ROLLOUT_TARGETS)


@pytest.fixture(scope="module")
def world():
    world = World()
    a_cluster(world, "north")
    machines(world, NODES)
    world.settle()
    return world


def units_of(world, rollout, at_a_time):
    """Write units for an execution, from the command to its last end, where so many end at the same time."""
    units = []

    def note(operation, plan):
        written = Written.of(operation, plan)
        factor = 2 if written.is_transaction else 1
        units.extend(row.units(factor) for row in written.rows if row.table in TABLES)

    world.driver.on_write = note
    command = a_command(world, rollout=rollout)
    world.settle()
    ended = set()
    while left := [
        row for row in world.driver.rows(EXECUTIONS) if row["command_id"] == command.id and row["id"] not in ended
    ]:
        for start in range(0, len(left), at_a_time):
            for row in left[start : start + at_a_time]:
                report = Report(is_expired=False, exit_code=0)
                world.fleet.commands.executions.report(str(row["node_id"]), str(row["id"]), report)
                ended.add(row["id"])
            world.settle()
    world.driver.on_write = None
    assert len(ended) == NODES
    return sum(units) / NODES


@pytest.mark.parametrize(
    ("most", "at_a_time", "added"),
    [
        # Each end leads to a transaction on the row; the targets are stored once.
        pytest.param(50, 1, 2.0, marks=pytest.mark.slow),  # as with 100
        (100, 1, 2.0),
        # Ends that the change stream brings together are one step.
        (100, 10, 0.5),
    ],
)
def test_rollout_adds_at_most_2_write_units_to_an_execution(world, most, at_a_time, added):
    plain = units_of(world, None, at_a_time)
    waves = units_of(world, RolloutLimits(max_concurrency=most), at_a_time)
    assert 0 < waves - plain <= added
