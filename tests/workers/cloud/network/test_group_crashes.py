"""Security groups whose worker dies, and whose calls fail or are not answered: one group, and its rules in the end."""

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.networks import NetworkScene

POINTS = range(1, 10, 2)
"""After so many writes of workers a VPC, a group and a change of its rules have reached their ends."""

CALLS = [
    *("CreateSecurityGroup", "DescribeSecurityGroups", "AuthorizeSecurityGroupIngress"),
    *("RevokeSecurityGroupEgress", "DeleteSecurityGroup"),
]


@pytest.fixture
def scene():
    return NetworkScene()


def ready(scene):
    """A VPC with a group that lets port 443 in, and nothing out."""
    vpc = scene.vpc()
    group = scene.group(vpc)
    scene.rule(group)
    scene.ask("DELETE", f"/security-groups/rules/{group['rules'][0]['id']}")
    return vpc, group


def reach_rest_and_the_end(scene, vpc, group):
    external = scene.reach(group, State.READY).external["id"]
    scene.check()
    assert scene.ec2.rules_of(external, "Ingress") == [("tcp", 443, 443, "IpRanges", "0.0.0.0/0")]
    assert scene.ec2.rules_of(external, "Egress") == []
    for path, thing in ((f"/security-groups/{group['id']}", group), (f"/vpcs/{vpc['id']}", vpc)):
        scene.ask("DELETE", path)
        scene.reach(thing, State.GONE)
    scene.moving.pass_time(10)
    scene.check()
    assert scene.ec2.alive_parts() == []


@pytest.mark.parametrize("point", POINTS)
def test_worker_that_dies_after_a_write_makes_one_group_with_its_rules(scene, point):
    made = ready(scene)
    scene.moving.settle(crash_after=point)
    reach_rest_and_the_end(scene, *made)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("trouble", ["lost", "RequestLimitExceeded"])
def test_call_that_fails_or_is_unanswered_makes_one_group_with_its_rules(scene, call, trouble):
    if trouble == "lost":
        scene.ec2.lose_answer(call)
    else:
        scene.ec2.fail(call, trouble, 503)
    reach_rest_and_the_end(scene, *ready(scene))


def test_creation_without_an_answer_is_asked_for_again_at_once_and_makes_one(scene):
    scene.ec2.lose_answer("CreateSecurityGroup")
    group = scene.group(scene.vpc())
    before = scene.moving.clock.now()
    scene.reach(group, State.READY)
    assert (scene.moving.clock.now() - before).total_seconds() < 60
    scene.check()
