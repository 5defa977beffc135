"""Executions that are deleted while nodes of their command are still searched for: they are not created again, and the
search goes on."""

import pytest

from chalicelib.fleet.commands import execution_store
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.redrive import SETTLE
from chalicelib.kit.tables import Set, Update
from chalicelib.platform.background.queues import CLEAN_UP
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World
from tests.workers.fleet.commands.test_second_looks import LOOKS, fan_out_row, later, reached


@pytest.fixture
def world():
    world = World()
    for name in ("a", "b"):
        a_cluster(world, name)
    return world


def finish_and_delete(world, machine):
    """End and delete the execution of a machine."""
    (row,) = (row for row in world.driver.rows(EXECUTIONS) if row["node_id"] == machine.id)
    world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
    world.fleet.commands.executions.delete(str(row["id"]), reach=EVERYWHERE)


def test_deleted_execution_is_not_created_again_at_looks(world):
    (machine, other) = machines(world, 2, "a")
    a_command(world)
    world.settle()
    finish_and_delete(world, machine)
    for seconds in LOOKS:
        later(world, seconds)
    assert reached(world) == {other.id}
    row = fan_out_row(world)
    assert (row.get("looks_since"), row.get("spared"), row["due_at"]) == (None, None, row["deadline"])


def test_hidden_node_is_served_though_another_execution_was_deleted(world):
    (machine,) = machines(world, 1, "a")
    world.driver.index_lag(30)
    (hidden,) = machines(world, 1, "a")
    a_command(world)
    world.settle()
    finish_and_delete(world, machine)
    for seconds in LOOKS:
        later(world, seconds)
    assert reached(world) == {hidden.id}


@pytest.mark.parametrize("most", [0, 1])
def test_search_that_spares_as_many_as_it_may_ends_with_another_deletion(world, monkeypatch, most):
    monkeypatch.setattr(execution_store, "MOST_SPARED", most)
    fleet = machines(world, 3, "a")
    a_command(world)
    world.settle()
    for machine in fleet[: most + 1]:
        finish_and_delete(world, machine)
    assert "looks_since" not in fan_out_row(world)
    later(world, LOOKS[0])
    assert reached(world) == {machine.id for machine in fleet[most + 1 :]}


def test_deletion_while_a_search_reads_is_kept(world):
    (machine, other) = machines(world, 2, "a")
    a_command(world)
    world.settle()
    world.driver.before_next(lambda: finish_and_delete(world, machine), operation="Query", table=EXECUTIONS)
    for seconds in LOOKS:
        later(world, seconds)
    assert reached(world) == {other.id}


def test_node_that_left_is_served_though_another_execution_was_deleted(world):
    (machine, mover) = machines(world, 2, "a")
    world.clock.advance(2)
    a_command(world, targeting=Targeting(type=TargetType.CLUSTERS, cluster_names=("a",)))
    world.fleet.nodes.placing.change_cluster(mover.id, "b", reach=EVERYWHERE)
    world.relay_only()
    world.queue_client.take(CLEAN_UP)
    world.settle()
    finish_and_delete(world, machine)
    for seconds in LOOKS:
        later(world, seconds)
    assert reached(world) == {mover.id}


def test_hidden_node_is_served_though_two_executions_were_deleted_at_once(world):
    (machine, other) = machines(world, 2, "a")
    world.driver.index_lag(30)
    (hidden,) = machines(world, 1, "a")
    a_command(world)
    world.settle()
    world.driver.before_next(lambda: finish_and_delete(world, other), operation="TransactWriteItems", table=EXECUTIONS)
    finish_and_delete(world, machine)
    for seconds in LOOKS:
        later(world, seconds)
    assert reached(world) == {hidden.id}


def test_hidden_node_is_served_by_a_late_search_though_an_execution_was_deleted(world):
    (machine,) = machines(world, 1, "a")
    world.driver.index_lag(2 * SETTLE.total_seconds())
    (hidden,) = machines(world, 1, "a")
    a_command(world)
    world.settle()
    world.clock.advance(2 * SETTLE.total_seconds())
    finish_and_delete(world, machine)
    later(world, 0)
    assert reached(world) == {hidden.id}


def test_deletion_whose_fan_out_always_changes_is_refused_for_now(world):
    (machine,) = machines(world, 1, "a")
    command = a_command(world)
    world.settle()

    def change():
        touch = Update(FAN_OUTS, {"command_id": command.id}, (Set("sweeps", 0),))
        world.platform.tables.write(touch, "test.touched")
        world.driver.before_next(change, operation="TransactWriteItems", table=EXECUTIONS)

    change()
    with pytest.raises(EdgeError) as refused:
        finish_and_delete(world, machine)
    assert refused.value.kind is Kind.UNAVAILABLE
    assert reached(world) == {machine.id}
    assert "looks_since" in fan_out_row(world)
