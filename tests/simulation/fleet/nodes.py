"""Nodes: moved, deleted and silent; the totals are those of the rows."""

from collections import Counter

from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.counters import total_of
from tests.simulation.scene import NothingThereError, Scene, Simulation


def move_node(scene: Scene) -> None:
    scene.fleet.nodes.placing.change_cluster(scene.some_machine().id, scene.some_name(), reach=EVERYWHERE)


def delete_node(scene: Scene) -> None:
    scene.fleet.nodes.placing.delete(scene.some_machine().id, reach=EVERYWHERE)


def open_socket(scene: Scene) -> None:
    machine = scene.some_machine()
    sockets, now = scene.world.socket_client.frames, scene.world.clock.now()
    connection_id = scene.world.ids.uuid7(now)
    scene.fleet.nodes.connections.connected(machine.token, connection_id, int(now.timestamp() * 1000), None)
    sockets[connection_id] = []


def drop_socket(scene: Scene) -> None:
    """A socket is gone, and no disconnection tells of it."""
    sockets = scene.world.socket_client.frames
    if not sockets:
        raise NothingThereError("sockets")
    del sockets[scene.rng.choice(list(sockets))]


def fall_silent(scene: Scene) -> None:
    scene.world.clock.advance(600)
    scene.world.sweep("check_health")


def totals_are_those_of_the_rows(scene: Scene) -> None:
    read, rows = scene.world.platform.counters.read, scene.rows(NODES)
    assert read("nodes") == len(rows), f"{read('nodes')} nodes are counted, {len(rows)} are there"
    for status, count in Counter(str(row["status"]) for row in rows).items():
        assert read(total_of("nodes", "status", status)) == count, f"the count of {status} nodes is wrong"


SIMULATION = Simulation(
    operations=(move_node, delete_node, open_socket, fall_silent),
    invariants=(totals_are_those_of_the_rows,),
    faults=(drop_socket,),
)
