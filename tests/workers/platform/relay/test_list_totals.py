"""Long lists take their totals from what the relay has counted, and cost what short ones do."""

import pytest

from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Execution, Status
from chalicelib.fleet.commands.store import execution_id
from chalicelib.fleet.nodes import store as nodes_store
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.fan_out import CHUNK
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.listing import ListRequest
from tests.support.builders import a_cluster, a_command, machines
from tests.support.declared import RELAY
from tests.support.world import World

SIZES = [50, 1500, pytest.param(5000, marks=pytest.mark.slow)]
CEILING = 4 + 4 - 1
WITH_A_PARENT = CEILING + 1
"""With the commands of the executions, or the presence of the nodes."""


def node_id(place: int) -> str:
    return f"{place * 2654435761 % 2**32:08x}-0000-4000-8000-{place:012x}"


def relay(world: World) -> None:
    for batch in world.relay_batches():
        world.call(RELAY, {"Records": batch})


def fleet_of(size: int) -> World:
    """So many nodes, whose rows are written as enrolment would write them."""
    world = World()
    a_cluster(world)
    (pattern,) = machines(world, 1)
    nodes = [pattern.node.model_copy(update={"id": node_id(place)}) for place in range(size - 1)]
    for start in range(0, len(nodes), CHUNK):
        puts = [nodes_store.insert(node) for node in nodes[start : start + CHUNK]]
        world.platform.tables.commit(puts, "node.registered")
    relay(world)
    return world


def executions_of(size: int) -> tuple[World, str]:
    """So many executions of one command, which nobody delivers."""
    world = World()
    command = a_command(world)
    now = to_seconds_text(world.clock.now())
    rows = [
        Execution(
            id=execution_id(command.id, node_id(place)),
            command_id=command.id,
            node_id=node_id(place),
            node_cluster_id="c-1",
            node_cluster_name="north",
            status=Status.PENDING,
            target_all=True,
            inserted_at=now,
            updated_at=now,
        )
        for place in range(size)
    ]
    store = ExecutionStore(world.platform.tables)
    for start in range(0, size, CHUNK):
        store.create(command.id, rows[start : start + CHUNK])
    relay(world)
    return world, command.id


@pytest.mark.parametrize("size", SIZES)
def test_execution_lists_of_any_length_cost_the_same(size):
    world, command_id = executions_of(size)

    for filters in ({}, {"status": "pending"}, {"command_id": command_id}):
        world.driver.meter.reset()
        page = world.fleet.commands.executions.list_page(ListRequest(filters=filters), reach=EVERYWHERE)
        assert (len(page.items), page.total_count) == (20, size)
        assert world.driver.meter.count <= WITH_A_PARENT


@pytest.mark.parametrize("size", SIZES)
def test_node_lists_of_any_length_cost_the_same(size):
    world = fleet_of(size)

    for filters in ({}, {"status": "healthy"}):
        world.driver.meter.reset()
        page = world.fleet.nodes.reading.list_page(ListRequest(filters=filters), reach=EVERYWHERE)
        assert (len(page.items), page.total_count) == (20, size)
        assert world.driver.meter.count <= WITH_A_PARENT
