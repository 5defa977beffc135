"""A stage whose rows went back to an earlier second, written as infra.restore writes them, goes on from there."""

from collections import Counter

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.kit.counters import STREAM_SECONDS
from chalicelib.kit.tables import Delete, Put
from infra.functions import TABLES
from infra.restore import NOT_RESTORED
from tests.support.builders import a_cluster, a_command, machines
from tests.support.declared import TOTALS
from tests.support.world import World
from tests.workers.fleet.test_main_job import run_all

SWEEPS = ("sweep_commands", "sweep_webhooks", "check_health")


def go_back(world, earlier):
    """Rows are as they were, later ones are gone; totals stay."""
    for table in (each for each in TABLES if each is not NOT_RESTORED):
        old = {str(table.key_of(row)): row for row in earlier[table.name]}
        for row in world.driver.rows(table):
            if str(table.key_of(row)) not in old:
                world.driver.write(Delete(table, table.key_of(row)))
        for row in old.values():
            if world.driver.row(table, table.key_of(row)) != row:
                world.driver.write(Put(table, row))


def goes_on(world):
    """The relay, a round of sweeps, and the recount."""
    world.settle()
    for sweep in SWEEPS:
        world.clock.advance(60)
        world.sweep(sweep)
        world.settle()
    world.clock.advance(STREAM_SECONDS)
    world.sweep("recount")


def statuses(world):
    return Counter(row["status"] for row in world.driver.rows(EXECUTIONS))


def parked(world):
    return [name for name in world.queue_client.sent if name.endswith(("-dead", "relay-failures"))]


def test_restored_stage_runs_open_work_again_with_correct_totals():
    world = World()
    a_cluster(world)
    fleet = machines(world, 3)
    a_command(world)
    world.settle()
    earlier = world.driver.snapshot()
    run_all(world, fleet)
    world.settle()
    machines(world, 2)
    a_command(world, "later")
    world.settle()
    assert statuses(world)["completed"] == 3

    go_back(world, earlier)
    goes_on(world)

    assert statuses(world) == {"pending": 3}
    run_all(world, fleet)
    goes_on(world)
    assert statuses(world) == {"completed": 3}
    counted = {name: world.platform.counters.read(name) for name in TOTALS}
    assert (counted["nodes"], counted["commands"], counted["executions"]) == (3, 1, 3)
    assert counted["executions#status#completed"] == 3
    assert parked(world) == []
