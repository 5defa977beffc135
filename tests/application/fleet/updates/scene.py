"""Machines that let themselves be updated, and what is asked of them."""

from typing import Any

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.store import NODE_UPDATES
from tests.support.builders import Machine, a_cluster, machines
from tests.support.world import World

ALL = Targeting(type=TargetType.ALL)
FRAME = {"type": "self_update"}
TRIGGERED = "edge.node.update_triggered"
COMPLETED = "edge.self_update_request.completed"


def a_world() -> Any:
    world = World()
    a_cluster(world)
    return world


def willing(world, count, **fields):
    enrolled = machines(world, count, self_update_enabled=True, **fields)
    world.settle()
    return enrolled


def connect(world, *some: Machine):
    for machine in some:
        socket = f"socket-{machine.id}"
        world.socket_client.frames[socket] = []
        world.fleet.nodes.connections.connected(machine.token, socket, int(world.clock.now().timestamp() * 1000))


def frames(world, machine):
    return world.socket_client.frames[f"socket-{machine.id}"]


def sweep(world, seconds=61):
    world.clock.advance(seconds)
    world.sweep("sweep_commands")
    world.settle()


def create(world, targeting=ALL):
    return world.fleet.updates.requests.create(targeting, reach=EVERYWHERE)


def check(world, machine, token=None):
    agent = world.fleet.nodes.identity.authenticate(token or machine.token)
    world.fleet.nodes.health.touch(agent)
    return world.fleet.updates.requests.check(agent)


def states(world):
    return {str(row["node_id"]): row["state"] for row in world.driver.rows(NODE_UPDATES)}


def summary(world, request):
    found = world.fleet.updates.requests.get(request.id, reach=EVERYWHERE)
    return found.status.value, found.summary and found.summary.model_dump()


def events(world, kind):
    return {one["id"]: one["data"] for one in world.bus_client.envelopes if one["type"] == kind}
