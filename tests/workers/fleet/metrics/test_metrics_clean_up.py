"""Metrics of nodes that are deleted, through the deployed clean-up."""

from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.store import TABLE
from chalicelib.fleet.reach import EVERYWHERE
from tests.support.builders import a_cluster, machines
from tests.support.world import World


def cached(world: World) -> set[tuple[str, str]]:
    return {(str(row["node_id"]), str(row["metrics_type"])) for row in world.driver.rows(TABLE)}


def test_cached_metrics_are_removed_with_their_node_only():
    world = World()
    a_cluster(world)
    gone, stays = machines(world, 2)
    for machine in (gone, stays):
        for each in MetricsType:
            world.fleet.metrics.nodes.push(machine.id, each, "up 1\n")
    world.fleet.nodes.placing.delete(gone.id, reach=EVERYWHERE)
    world.settle(twice=True)
    assert cached(world) == {(stays.id, each.value) for each in MetricsType}


def test_metrics_pushed_after_the_deletion_are_removed_by_second_pass():
    world = World()
    a_cluster(world)
    [machine] = machines(world, 1)
    world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
    world.settle()
    world.fleet.metrics.nodes.push(machine.id, MetricsType.HOST, "up 1\n")
    world.clock.advance(900)
    world.sweep("sweep_commands")
    world.settle()
    assert cached(world) == set()
