"""A tenant's VPC with all ways in and out: made in any order, and removed without a trace."""

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.networks import LaunchScene
from tests.support.provisioning_invariants import claims_are_those_of_rows, no_reference_is_left


@pytest.fixture
def scene():
    return LaunchScene()


@pytest.fixture
def place(scene):
    """A VPC with a subnet and an internet gateway, and an instance in it."""
    vpc, subnet = scene.network()
    gateway = scene.gateway(vpc)
    return vpc, subnet, gateway, scene.running(subnet_id=subnet["id"])


def associated(scene, instance):
    """An address that an instance has."""
    address = scene.ask("POST", "/elastic-ips")
    scene.ask("POST", f"/elastic-ips/{address['id']}/associate", {"instance_id": instance["id"]})
    scene.reach(address, State.READY)
    return scene.ask("GET", f"/elastic-ips/{address['id']}")


def test_instance_of_a_vpc_has_its_address_and_keeps_the_gateway_attached(scene, place):
    vpc, _, gateway, instance = place
    address = associated(scene, instance)
    assert (address["vpc_id"], address["instance_id"]) == (vpc["id"], instance["id"])
    assert scene.ec2.machine_of(scene.at_ec2(address)) == scene.at_ec2(instance)
    scene.moving.pass_time(30)
    assert scene.shown(instance)["public_ip"] == address["public_ip"]
    assert scene.refused("POST", f"/internet-gateways/{gateway['id']}/detach")[0] == 409


def test_instance_that_goes_frees_its_address_and_with_it_the_gateway(scene, place):
    _, _, gateway, instance = place
    address = associated(scene, instance)
    scene.ask("DELETE", f"/instances/{instance['id']}")
    scene.reach(instance, State.GONE)
    scene.reach(address, State.READY)
    assert scene.ask("GET", f"/elastic-ips/{address['id']}")["status"] == "allocated"
    scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")


def test_vpc_with_everything_is_taken_apart_and_leaves_nothing(scene, place):
    vpc, subnet, gateway, instance = place
    address = associated(scene, instance)
    other = scene.ask("POST", "/elastic-ips")
    nat = scene.ask("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": other["id"]})
    scene.reach(nat, State.READY)
    for path in (f"/vpcs/{vpc['id']}", f"/subnets/{subnet['id']}", f"/elastic-ips/{other['id']}"):
        assert scene.refused("DELETE", path)[0] == 409
    for thing, path in (
        (nat, "nat-gateways"),
        (instance, "instances"),
        (address, "elastic-ips"),
        (other, "elastic-ips"),
    ):
        scene.ask("DELETE", f"/{path}/{thing['id']}")
        scene.reach(thing, State.GONE)
    scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")
    scene.reach(gateway, State.READY)
    groups = [each for each in scene.moving.rows() if each.kind == "security_group"]
    ids = [("internet-gateways", gateway["id"]), *(("security-groups", each.id) for each in groups)]
    for path, thing_id in (*ids, ("subnets", subnet["id"])):
        scene.ask("DELETE", f"/{path}/{thing_id}")
    scene.reach(subnet, State.GONE)
    scene.moving.pass_time(60)
    scene.ask("DELETE", f"/vpcs/{vpc['id']}")
    scene.reach(vpc, State.GONE)
    scene.moving.pass_time(120)
    assert (scene.ec2.alive_parts(), scene.ec2.alive(), scene.moving.claims()) == ([], [], [])
    no_reference_is_left(scene.moving.rows())
    claims_are_those_of_rows(scene.moving.rows(), scene.moving.claims())
