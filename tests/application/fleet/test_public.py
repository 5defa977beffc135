"""The functions of the fleet for higher families, on the fakes."""

from datetime import timedelta

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.store import execution_id
from chalicelib.fleet.public import MOST_NODES, FleetAccess, Result
from chalicelib.kit.errors import EdgeError, Kind
from tests.support.builders import a_cluster, a_registration, machines
from tests.support.world import World

NODE_ID = "0192e4a0-0000-4000-8000-000000000077"


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def access(world):
    return FleetAccess(world.fleet)


def in_an_hour(world):
    return world.clock.now() + timedelta(hours=1)


def enrol(world, key):
    """Enrol a machine with a key, as an agent does."""
    verified = world.fleet.enrollment.verify(key.blob.reveal(), NODE_ID)
    if verified.verified:
        world.fleet.nodes.registering.register(a_registration(NODE_ID, "north"), verified.registration_token, None)
    return verified.verified


def test_cluster_is_found_by_name_with_its_count(world, access):
    machines(world, 2)
    found = access.find_cluster("north")
    assert (found.name, found.node_count, found.node_limit) == ("north", 2, None)
    assert access.find_cluster("south") is None


def test_machine_that_enrolled_with_a_key_is_found_as_its_node(world, access):
    key = access.create_key("north", "instance", in_an_hour(world))
    assert enrol(world, key)
    node = access.find_nodes([NODE_ID, "0192e4a0-0000-4000-8000-000000000099"])[NODE_ID]
    assert (node.id, node.cluster_name, node.status, node.enrollment_key_id) == (NODE_ID, "north", "healthy", key.id)
    [listed], cursor = access.page_of_nodes(node.cluster_id, world.clock.now())
    assert (listed, cursor) == (node, None)


def test_secret_of_a_new_key_is_not_in_its_repr(world, access):
    key = access.create_key("north", "instance", in_an_hour(world))
    assert key.blob.reveal() not in repr(key)


@pytest.mark.parametrize("ends", ["deleted", "expired"])
def test_key_that_is_deleted_or_expired_admits_no_machine(world, access, ends):
    key = access.create_key("north", "instance", in_an_hour(world))
    if ends == "deleted":
        access.delete_key(key.id)
        access.delete_key(key.id)
    else:
        world.clock.advance(3601)
    assert not enrol(world, key)


def test_key_for_a_cluster_that_does_not_exist_is_refused(world, access):
    with pytest.raises(EdgeError) as raised:
        access.create_key("south", "instance", in_an_hour(world))
    assert raised.value.kind is Kind.NOT_FOUND


def test_deleted_node_is_gone_and_deleting_it_again_does_nothing(world, access):
    [machine] = machines(world, 1)
    access.delete_node(machine.id)
    access.delete_node(machine.id)
    assert access.find_nodes([machine.id]) == {}


def test_command_runs_on_the_named_nodes_and_its_result_is_read(world, access):
    [machine] = machines(world, 1)
    command_id = access.run([machine.id], "uptime", 60, in_an_hour(world))
    assert access.result(command_id, machine.id) is None
    world.settle()
    assert access.result(command_id, machine.id) == Result("pending", None, None)

    executions = world.fleet.commands.executions
    execution = execution_id(command_id, machine.id)
    executions.acknowledge(machine.id, execution)
    executions.report(machine.id, execution, Report(is_expired=False, output="up", exit_code=0))
    assert access.result(command_id, machine.id) == Result("completed", 0, "up")


def test_more_nodes_than_one_call_takes_are_refused(world, access):
    ids = ["0192e4a0-0000-4000-8000-000000000077"] * (MOST_NODES + 1)
    with pytest.raises(ValueError, match="more than 100"):
        access.find_nodes(ids)
    with pytest.raises(ValueError, match="more than 100"):
        access.run(ids, "true", 1, in_an_hour(world))
