"""Clean-ups by the deployed worker: what an index hid from the first pass ends with the second."""

import pytest

from chalicelib.commands.store import EXECUTIONS
from chalicelib.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS, Queue
from tests.builders import a_cluster, a_command, machines
from tests.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


def later(world):
    """Indexes have caught up, and what was put off is done."""
    world.driver.index_lag(0)
    world.clock.advance(LONGEST_DELAY_SECONDS)
    world.queue_client.release_delayed()
    world.settle()


def test_an_execution_that_an_index_hid_when_its_node_was_deleted_is_cancelled(world):
    (machine,) = machines(world, 1)
    world.settle()
    a_command(world)
    world.driver.index_lag(30)
    world.settle()
    world.services.nodes.delete(machine.id)
    world.settle()
    assert [row["status"] for row in world.driver.rows(EXECUTIONS)] == ["pending"]
    later(world)
    assert [row["status"] for row in world.driver.rows(EXECUTIONS)] == ["cancelled"]


def test_a_key_that_an_index_hid_when_its_cluster_was_deleted_is_removed(world):
    world.driver.index_lag(30)
    world.services.enrollment.create("north", {})
    world.services.clusters.delete("north")
    world.settle()
    assert len(world.driver.rows(ENROLLMENT_KEYS)) == 1
    later(world)
    assert world.driver.rows(ENROLLMENT_KEYS) == []


def test_the_second_pass_is_the_last(world):
    world.services.clusters.delete("north")
    world.settle()
    later(world)
    assert world.queue_client.delayed == {}


@pytest.mark.parametrize("kind", ["command", "expire_command", "connection"])
def test_what_has_other_means_is_not_repeated_here(world, kind):
    world.services.queues.send(Queue.CLEAN_UP, [{"kind": kind, "id": "nobody"}])
    world.settle()
    assert world.queue_client.delayed == {}
