"""Addresses whose worker dies, and whose provider fails or answers nothing: one or none, and none in the end."""

import pytest

from chalicelib.machines.wiring import Machines
from chalicelib.platform.provisioning.model import State
from tests.support.cloud import CloudScene
from tests.support.instances import InstanceWorld
from tests.support.provisioning_invariants import check_rest

POINTS = range(1, 6)
"""After so many writes of workers an address has been made, or moved to an instance."""


@pytest.fixture
def world():
    return InstanceWorld()


@pytest.fixture
def scene(world):
    return CloudScene(world)


@pytest.fixture
def address(scene):
    return allocated(scene)


def allocated(scene):
    return scene.request("allocate_elastic_ip").json["data"]["id"]


def row(world, address):
    return next(each for each in world.rows() if each.id == address)


def reach(world, address, state):
    return world.reach(row(world, address), state)


def associate(scene, address, instance):
    names = {"elastic_ip_id": address}
    assert scene.request("associate_elastic_ip", variables=names, json={"instance_id": instance.id}).status == 200


def ask(scene, view, address):
    assert scene.request(view, variables={"elastic_ip_id": address}).status == 200


def check(scene):
    world = scene.world
    things = [
        *scene.cloud.address_driver.tagged(),
        *world.platform.container(Machines).providers.driver.tagged(),
    ]
    check_rest(
        world.rows(), things, lambda tenant, quota: world.platform.quotas.used(tenant, [quota])[quota], world.claims()
    )
    assert max(world.ec2.most_parts.values(), default=0) <= 1


def reach_the_end(scene, address):
    ask(scene, "release_elastic_ip", address)
    reach(scene.world, address, State.GONE)
    scene.world.pass_time(10)
    assert scene.world.ec2.alive_parts() == []


@pytest.mark.parametrize("point", POINTS)
def test_worker_that_dies_after_a_write_makes_one_address(scene, world, address, point):
    world.settle(crash_after=point)
    reach(world, address, State.READY)
    check(scene)
    reach_the_end(scene, address)


@pytest.mark.parametrize("call", ["AllocateAddress", "DescribeAddresses", "ReleaseAddress"])
@pytest.mark.parametrize("trouble", ["lost", "InternalError", "RequestLimitExceeded"])
def test_call_that_fails_or_is_unanswered_makes_one_address(scene, world, address, call, trouble):
    if trouble == "lost":
        world.ec2.lose_answer(call)
    else:
        world.ec2.fail(call, trouble, 503)
    reach(world, address, State.READY)
    check(scene)
    reach_the_end(scene, address)


@pytest.mark.parametrize("trouble", ["lost", "crash", "InternalError"])
def test_address_is_moved_once_whatever_becomes_of_the_calls(scene, world, address, trouble):
    first, second = (world.reach(world.create(), State.READY) for _ in range(2))
    for call, instance in (("AssociateAddress", first), ("DisassociateAddress", second)):
        {
            "lost": world.ec2.lose_answer,
            "crash": world.ec2.crash_after,
            "InternalError": lambda name: world.ec2.fail(name, "InternalError", 500),
        }[trouble](call)
        if instance is second:
            ask(scene, "disassociate_elastic_ip", address)
        associate(scene, address, instance)
        made = reach(world, address, State.READY)
        assert world.ec2.machine_of(made.external["id"]) == instance.external["id"]
        check(scene)


def test_instance_that_goes_while_its_address_comes_leaves_it_free(scene, world, address):
    instance = world.reach(world.create(), State.READY)
    associate(scene, address, instance)
    world.delete(instance)
    world.reach(instance, State.GONE)
    made = reach(world, address, State.READY)
    assert (made.spec["instance_id"], world.ec2.machine_of(made.external["id"])) == ("", "")
    check(scene)
