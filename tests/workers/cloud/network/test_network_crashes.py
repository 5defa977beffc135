"""Networks whose worker dies, and whose provider fails or answers nothing: one thing or none, and none in the end."""

import pytest

from chalicelib.platform.provisioning.model import Seen, State
from tests.support.networks import NetworkScene

POINTS = range(1, 7)
"""After so many writes of workers a VPC and its subnet have reached their ends."""


@pytest.fixture
def scene():
    return NetworkScene()


def ready(scene):
    vpc = scene.vpc()
    subnet = scene.subnet(vpc)
    return vpc, subnet


def reach_rest_and_the_end(scene, vpc, subnet):
    scene.reach(subnet, State.READY)
    scene.reach(vpc, State.READY)
    scene.check()
    for path, thing in ((f"/subnets/{subnet['id']}", subnet), (f"/vpcs/{vpc['id']}", vpc)):
        scene.ask("DELETE", path)
        scene.reach(thing, State.GONE)
    scene.moving.pass_time(10)
    scene.check()
    assert scene.ec2.alive_parts() == []


@pytest.mark.parametrize("point", POINTS)
def test_worker_that_dies_after_a_write_makes_one_thing_each(scene, point):
    vpc, subnet = ready(scene)
    scene.moving.settle(crash_after=point)
    reach_rest_and_the_end(scene, vpc, subnet)


@pytest.mark.parametrize("call", ["CreateVpc", "CreateSubnet", "DescribeVpcs", "DeleteVpc", "DeleteSubnet"])
@pytest.mark.parametrize("trouble", ["lost", "InternalError", "RequestLimitExceeded"])
def test_call_that_fails_or_is_unanswered_makes_one_thing_each(scene, call, trouble):
    if trouble == "lost":
        scene.ec2.lose_answer(call)
    else:
        scene.ec2.fail(call, trouble, 503)
    reach_rest_and_the_end(scene, *ready(scene))


def test_creation_without_an_answer_is_not_asked_for_again_while_it_may_appear(scene):
    scene.ec2.lag_seconds = 60
    scene.ec2.lose_answer("CreateVpc")
    vpc = scene.vpc()
    scene.reach(vpc, State.READY)
    assert [operation for operation, _ in scene.ec2.calls].count("CreateVpc") == 1
    scene.check()


def test_creation_that_was_lost_is_asked_for_again_when_that_is_certain(scene):
    scene.ec2.fail("CreateVpc", "InternalError", 500)
    vpc = scene.vpc()
    scene.moving.pass_time(120, step=5)
    assert scene.row(vpc).state is State.PENDING
    scene.reach(vpc, State.READY)
    assert [operation for operation, _ in scene.ec2.calls].count("CreateVpc") == 2


@pytest.mark.parametrize("seconds", [0, 1, 3, 8, 60])
def test_delete_at_any_moment_of_provisioning_leaves_nothing(scene, seconds):
    scene.ec2.lose_answer("CreateVpc")
    vpc = scene.vpc()
    if seconds:
        scene.moving.pass_time(seconds)
    scene.ask("DELETE", f"/vpcs/{vpc['id']}")
    scene.reach(vpc, State.GONE)
    scene.moving.pass_time(10)
    assert (scene.ec2.alive_parts(), scene.moving.claims()) == ([], [])


def test_vpc_that_somebody_deletes_in_aws_fails_and_returns_its_quota(scene):
    vpc = scene.vpc()
    scene.reach(vpc, State.READY)
    scene.ec2.parts[scene.row(vpc).external["id"]].gone_at = scene.moving.clock.now()
    row = scene.reach(vpc, State.FAILED)
    assert (row.is_released, "not there any more" in row.reason) == (True, True)
    scene.check()


def test_stranger_with_our_tags_is_reported_and_not_touched(scene):
    stranger = scene.row(scene.vpc()).model_copy(update={"id": "01900000-0000-7000-8000-0000000000ff"})
    scene.cloud.vpc_driver.create(stranger)
    scene.moving.pass_time(10)
    found = [each for each in scene.world.platform.provisioning.strangers.find() if each.kind == "vpc"]
    assert [each.thing.resource_id for each in found] == [stranger.id]
    assert scene.cloud.vpc_driver.observe([stranger])[stranger.id].seen is Seen.READY
