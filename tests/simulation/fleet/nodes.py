"""Nodes: moved, deleted and silent; the totals are those of the rows."""

from collections import Counter

from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.counters import total_of
from tests.simulation.scene import Scene, Simulation


def move_node(scene: Scene) -> None:
    scene.fleet.nodes.placing.change_cluster(scene.some_machine().id, scene.some_name())


def delete_node(scene: Scene) -> None:
    scene.fleet.nodes.placing.delete(scene.some_machine().id)


def fall_silent(scene: Scene) -> None:
    scene.world.clock.advance(600)
    scene.world.sweep("check_health")


def totals_are_those_of_the_rows(scene: Scene) -> None:
    read, rows = scene.world.platform.counters.read, scene.rows(NODES)
    assert read("nodes") == len(rows), f"{read('nodes')} nodes are counted, {len(rows)} are there"
    for status, count in Counter(str(row["status"]) for row in rows).items():
        assert read(total_of("nodes", "status", status)) == count, f"the count of {status} nodes is wrong"


SIMULATION = Simulation(
    operations=(move_node, delete_node, fall_silent),
    invariants=(totals_are_those_of_the_rows,),
)
