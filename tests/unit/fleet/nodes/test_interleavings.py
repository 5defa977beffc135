"""Everything that happens to nodes, at once and in many orders: what must hold whatever overtakes what."""

import random

import pytest

from chalicelib.fleet.nodes.model import Node, Presence, Status
from chalicelib.fleet.nodes.store import CONNECTIONS, NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError
from tests.unit.fleet.nodes.world import World, node_id

MACHINES = 3
STEPS = 25


class Machine:
    """An agent that keeps the last token that it was given, and comes back when it is refused."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.registered = world.enrol(number)
        self.sockets = 0

    def register(self):
        world, bearer = self.world, self.registered.secrets.api_token
        cluster = random.Random(self.sockets).choice(["alpha", "beta"])
        registration = world.registration(self.number, cluster)
        self.registered = world.nodes.registering.register(registration, world.token(cluster), bearer)

    def call(self):
        self.world.call(self.registered)

    def report(self):
        status = Status.HEALTHY if self.sockets % 2 else Status.UNHEALTHY
        self.world.nodes.health.report(self.world.call(self.registered), status)

    def connect(self):
        self.sockets += 1
        self.world.connect(self.registered, f"socket-{self.number}-{self.sockets}")

    def ping(self):
        self.world.nodes.connections.on_frame(f"socket-{self.number}-{self.sockets}")

    def disconnect(self):
        self.world.nodes.connections.disconnected(f"socket-{self.number}-{max(1, self.sockets - 1)}")

    def move(self):
        self.world.nodes.placing.change_cluster(
            node_id(self.number), "beta" if self.sockets % 2 else "alpha", reach=EVERYWHERE
        )

    def delete(self):
        self.world.nodes.placing.delete(node_id(self.number), reach=EVERYWHERE)

    def forget(self):
        self.world.nodes.connections.forget_deleted(node_id(self.number))

    def sweep(self):
        self.world.nodes.health.sweep(45.0)

    def wait(self):
        self.world.clock.sleep(170)


STEPS_BY_WEIGHT = {
    "register": 3,
    "call": 5,
    "report": 3,
    "connect": 4,
    "ping": 3,
    "disconnect": 3,
    "move": 2,
    "delete": 1,
    "forget": 1,
    "sweep": 4,
    "wait": 4,
}


def play(machine: Machine, chance: random.Random) -> None:
    for step in chance.choices(list(STEPS_BY_WEIGHT), list(STEPS_BY_WEIGHT.values()), k=STEPS):
        try:
            getattr(machine, step)()
        except EdgeError:
            machine.world.clock.sleep(1)


def check_invariants(world: World) -> None:
    nodes = {row["id"]: Node.model_validate(row) for row in world.dynamo.rows(NODES)}
    presences = {row["id"]: Presence.model_validate(row) for row in world.dynamo.rows(PRESENCE)}
    for name in ("alpha", "beta"):
        cluster = world.clusters.get(name, reach=EVERYWHERE)
        assert cluster.node_count == sum(node.cluster_id == cluster.id for node in nodes.values())
    assert nodes.keys() <= presences.keys()
    for key, presence in presences.items():
        is_watched = key not in nodes or nodes[key].status is not Status.UNREACHABLE
        assert (presence.health_due is not None) == is_watched
    for presence in presences.values():
        if presence.connection_id is not None and presence.id in nodes:
            assert world.dynamo.row(CONNECTIONS, {"id": presence.connection_id})["node_id"] == presence.id


@pytest.mark.parametrize("seed", range(20))
def test_interleaved_node_operations_leave_consistent_rows(seed):
    world = World()
    world.cluster("alpha")
    world.cluster("beta")
    machines = [Machine(world, number) for number in range(MACHINES)]
    world.dynamo.latency(0.02)
    world.dynamo.conflicts(0.1, seed=seed)
    # Two tasks per machine: what an agent does and what operators, sweeps and late events do to it meet on one node.
    tasks = [
        lambda machine=machine, turn=turn: play(machine, random.Random(f"{seed}-{machine.number}-{turn}"))
        for machine in machines
        for turn in range(2)
    ]

    outcomes = world.clock.run_together(tasks)

    assert outcomes == [None] * len(tasks)
    check_invariants(world)


@pytest.mark.parametrize("seed", range(5))
def test_node_after_any_history_becomes_unreachable_and_recovers(seed):
    world = World()
    world.cluster("alpha")
    world.cluster("beta")
    machine = Machine(world, 1)
    play(machine, random.Random(seed))
    if world.node() is None:
        world.nodes.connections.forget_deleted(node_id(1))
        world.newer_key()
        machine.registered = world.enrol(1)
    else:
        machine.register()

    world.clock.advance(700)
    world.nodes.health.sweep(45.0)
    assert world.node().status is Status.UNREACHABLE
    machine.call()

    assert world.node().status is Status.HEALTHY
    check_invariants(world)
