"""Gateways, routes and associations whose worker dies, and whose calls fail: as the rows want them in the end."""

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.networks import NetworkScene

SEEN = {2, 5, 8, 11, "AttachInternetGateway", "CreateRoute", "AssociateRouteTable", "DeleteRoute"}
"""The points and calls that stand for the others, which are repeats of the same proof."""


def each_of(values):
    return [pytest.param(each, marks=() if each in SEEN else pytest.mark.slow) for each in values]


POINTS = each_of(range(1, 13))
"""After so many writes of workers a VPC, its main table, a subnet, a gateway and a table have reached their ends."""

CALLS = each_of(
    (
        *("CreateInternetGateway", "AttachInternetGateway", "DescribeInternetGateways", "DetachInternetGateway"),
        *("DeleteInternetGateway", "CreateRouteTable", "CreateRoute", "DescribeRouteTables", "DeleteRoute"),
        *("DeleteRouteTable", "AssociateRouteTable", "ReplaceRouteTableAssociation"),
    )
)


@pytest.fixture
def scene():
    return NetworkScene()


def asked_for(scene):
    vpc = scene.vpc()
    subnet, gateway, table = scene.subnet(vpc), scene.gateway(vpc), scene.table(vpc)
    scene.route(table, gateway)
    return vpc, subnet, gateway, table


def reach_rest_and_the_end(scene, vpc, subnet, gateway, table):
    things = (vpc, subnet, gateway, table)
    for thing in things:
        scene.reach(thing, State.READY)
    scene.ask("POST", f"/route-tables/{table['id']}/associate", {"subnet_id": subnet["id"]})
    scene.reach(subnet, State.READY)
    main, table_at_ec2, gateway_at_ec2 = scene.main_of(vpc), scene.at_ec2(table), scene.at_ec2(gateway)
    assert scene.ec2.table_of(scene.at_ec2(subnet)) == table_at_ec2
    for each in (scene.at_ec2(main), table_at_ec2):
        assert scene.ec2.routes_of(each) == {"0.0.0.0/0": gateway_at_ec2}
    scene.check()
    route = scene.ask("GET", f"/route-tables/{table['id']}")["routes"][-1]["id"]
    scene.ask("DELETE", f"/route-tables/{table['id']}/routes/{route}")
    scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")
    scene.ask("DELETE", f"/internet-gateways/{gateway['id']}")
    scene.ask("DELETE", f"/subnets/{subnet['id']}")
    scene.reach(subnet, State.GONE)
    scene.ask("DELETE", f"/route-tables/{table['id']}")
    scene.reach(table, State.GONE)
    scene.reach(gateway, State.GONE)
    scene.ask("DELETE", f"/vpcs/{vpc['id']}")
    scene.reach(vpc, State.GONE)
    scene.reach(main, State.GONE)
    scene.moving.pass_time(10)
    scene.check()
    assert scene.ec2.alive_parts() == []


@pytest.mark.parametrize("point", POINTS)
def test_worker_that_dies_after_a_write_makes_what_the_rows_say(scene, point):
    things = asked_for(scene)
    scene.moving.settle(crash_after=point)
    reach_rest_and_the_end(scene, *things)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("trouble", ["lost", pytest.param("InternalError", marks=pytest.mark.slow)])
def test_call_that_fails_or_is_unanswered_is_made_up_for(scene, call, trouble):
    if trouble == "lost":
        scene.ec2.lose_answer(call)
    else:
        scene.ec2.fail(call, trouble, 503)
    reach_rest_and_the_end(scene, *asked_for(scene))
