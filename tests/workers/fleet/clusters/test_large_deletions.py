"""Deleting what has 10,000 children: the answer comes at once, the rest goes in chunks, and nothing is orphaned."""

import pytest

from chalicelib.fleet.clusters.store import reserve_slot
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, execution_id
from chalicelib.fleet.commands.store import execution_to_item as to_item
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.store import PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tables import Item, Table, put_new
from tests.application.fleet.commands.fleet import a_node, an_execution, command, fan_out
from tests.support.builders import a_cluster
from tests.support.world import World

MANY = 10_000


@pytest.fixture
def world() -> World:
    return World()


def put_many(world, table: Table, items: list[Item]) -> None:
    """Rows without their history: the stream begins after them."""
    for start in range(0, len(items), 100):
        puts = [put_new(table, item) for item in items[start : start + 100]]
        world.platform.tables.commit(puts, "test.prepared")
    for _ in world.relay_batches():
        pass


def calls_of(world, action) -> int:
    world.platform.tables.meter.reset()
    action()
    return world.platform.tables.meter.count


@pytest.mark.slow
def test_command_deletion_removes_ten_thousand_executions_in_chunks(world):
    made = command(world)
    fan_out(world, made)
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(MANY)]
    put_many(
        world, EXECUTIONS, [to_item(an_execution(made, node_id, status="completed", exit_code=0)) for node_id in ids]
    )

    assert calls_of(world, lambda: world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)) <= 10
    world.settle(most_rounds=MANY)
    world.clock.advance(1000)
    world.sweep("sweep_commands")
    world.settle(most_rounds=MANY)

    assert (world.driver.rows(EXECUTIONS), world.driver.rows(FAN_OUTS)) == ([], [])


@pytest.mark.slow
def test_node_deletion_cancels_ten_thousand_executions_in_chunks(world):
    a_cluster(world)
    node = a_node(world, world.fleet.clusters.get("north", reach=EVERYWHERE))
    other = a_node(world, world.fleet.clusters.get("north", reach=EVERYWHERE))
    made = [command(world, "nodes", node_ids=(node.id,)) for _ in range(10)]
    rows = []
    for number in range(MANY):
        one = an_execution(made[number % 10], node.id, status="pending")
        rows.append(to_item(one.model_copy(update={"id": execution_id(made[number % 10].id, f"{number}")})))
    rows.append(to_item(an_execution(made[0], other.id, status="pending")))
    world.platform.tables.write(_one_node_more(world), "test.prepared")
    put_many(world, EXECUTIONS, rows)

    assert calls_of(world, lambda: world.fleet.nodes.placing.delete(node.id, reach=EVERYWHERE)) <= 3
    world.settle(most_rounds=MANY)

    left = {(row["node_id"], row["status"]) for row in world.driver.rows(EXECUTIONS)}
    assert left == {(node.id, "cancelled"), (other.id, "pending")}
    assert len(world.driver.rows(EXECUTIONS)) == MANY + 1
    assert {row["id"] for row in world.driver.rows(PRESENCE)} == {other.id}


@pytest.mark.slow
def test_cluster_deletion_removes_ten_thousand_keys_in_chunks(world):
    cluster, kept = a_cluster(world), a_cluster(world, "south")
    first = world.fleet.enrollment.create("north", {}, reach=EVERYWHERE)
    survivor = world.fleet.enrollment.create("south", {}, reach=EVERYWHERE)
    row = world.driver.row(ENROLLMENT_KEYS, {"id": first.id}) or {}
    plain = {name: value for name, value in row.items() if name not in {"version", "changed_by"}}
    copies = [{**plain, "id": world.ids.uuid7(world.clock.now())} for _ in range(MANY - 1)]
    put_many(world, ENROLLMENT_KEYS, copies)

    assert calls_of(world, lambda: world.fleet.clusters.delete(cluster.name, reach=EVERYWHERE)) <= 4
    world.settle(most_rounds=MANY)

    assert [(key["id"], key["cluster_id"]) for key in world.driver.rows(ENROLLMENT_KEYS)] == [(survivor.id, kept.id)]


def _one_node_more(world):
    cluster = world.fleet.clusters.get("north", reach=EVERYWHERE)
    return reserve_slot(cluster)
