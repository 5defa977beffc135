"""A world with as many rows of every kind as a test wants, made the short way: rows are put, not asked for.

Every list of it holds them all: one cluster has the nodes and the keys, one node and one command the executions.
"""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.clusters.model import Cluster
from chalicelib.clusters.store import TABLE as CLUSTERS
from chalicelib.commands.model import Command, Execution, Status
from chalicelib.commands.store import EXECUTIONS, execution_to_item
from chalicelib.enrollment.model import EnrollmentKey
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import put_new
from chalicelib.nodes import presence_store
from chalicelib.nodes.model import Node, Presence
from tests.builders import a_cluster, a_command
from tests.unit.commands.fleet import a_node, nodes
from tests.world import World

WITH_OUTPUT = 10
"""Every tenth execution has an exit code of 3 and an output."""


@dataclass(frozen=True)
class LargeWorld:
    """``busy`` is the node with the executions, all of ``command``."""

    world: World
    cluster: Cluster
    busy: Node
    command: Command
    execution_id: str
    key: EnrollmentKey


def large_world(count: int) -> LargeWorld:
    """``count`` clusters, keys, nodes, commands and executions, totals counted, the data key in memory.

    Its nodes have no real secrets, so they are not revealed.
    """
    world = World(reveal_node_secrets=False)
    cluster = a_cluster(world)
    _clusters(world, count - 1)
    keys = [world.services.enrollment.create("north", {"uses_remaining": None}) for _ in range(count)]
    fleet = [a_node(world, cluster), *nodes(world, count - 1, cluster)]
    _watch(world, fleet)
    busy = fleet[0]
    command = [a_command(world) for _ in range(count)][-1]
    execution_id = _executions(world, count, busy, command)
    list(world.relay_batches())  # nobody is to work through them
    made_at = world.clock.now()
    world.sweep("recount")
    world.clock.set(made_at)  # counting takes its time, by which the commands would be due
    return LargeWorld(world, cluster, busy, command, execution_id, keys[-1])


def _clusters(world: World, count: int) -> None:
    now = to_seconds_text(world.clock.now())
    for place in range(count):
        row = {
            "name": f"cluster-{place}",
            "id": world.ids.uuid7(world.clock.now()),
            "ipv4_range": f"101.{place // 250}.{place % 250}.0/24",
            "node_count": 0,
            "inserted_at": now,
            "updated_at": now,
            "listing": "clusters",
        }
        world.services.tables.write(put_new(CLUSTERS, row), "cluster.created")


def _watch(world: World, fleet: list[Node]) -> None:
    """The silence of each node is due in five minutes, as after its registration."""
    due = to_seconds_text(world.clock.now() + timedelta(seconds=300))
    for node in fleet:
        presence = Presence(id=node.id, last_seen_at=node.last_seen_at)
        world.services.tables.write(presence_store.postpone(presence, due), "presence.looked_at")


def _executions(world: World, count: int, node: Node, command: Command) -> str:
    """Finished ones; returns the id of the last."""
    for place in range(count):
        has_output = place % WITH_OUTPUT == 0
        row = Execution(
            id=world.ids.uuid7(world.clock.now()),
            command_id=command.id,
            node_id=node.id,
            node_cluster_id=node.cluster_id,
            node_cluster_name=node.cluster_name,
            target_cluster_name=None,
            target_all=True,
            status=Status.COMPLETED,
            output="no space left\n" if has_output else None,
            exit_code=3 if has_output else 0,
            inserted_at=command.inserted_at,
            updated_at=command.inserted_at,
        )
        world.services.tables.write(put_new(EXECUTIONS, execution_to_item(row)), "execution.created")
    return row.id
