"""NAT gateways: by the API, on a strict EC2."""

import pytest

from chalicelib.platform.provisioning.model import State
from tests.support.networks import NetworkScene

NOTHING = "01900000-0000-7000-8000-0000000000ff"


@pytest.fixture
def scene():
    return NetworkScene()


@pytest.fixture
def vpc(scene):
    return scene.vpc()


@pytest.fixture
def subnet(scene, vpc):
    return scene.subnet(vpc)


@pytest.fixture
def gateway(scene, vpc):
    return scene.gateway(vpc)


@pytest.fixture
def address(scene):
    return scene.ask("POST", "/elastic-ips")


@pytest.fixture
def nat(scene, subnet, gateway, address):
    return scene.ask("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": address["id"]})


def show(scene, nat):
    return scene.ask("GET", f"/nat-gateways/{nat['id']}")


def status_of(scene, address):
    return scene.ask("GET", f"/elastic-ips/{address['id']}")["status"]


def test_new_nat_gateway_is_pending_for_minutes_and_then_active(scene, vpc, subnet, address, nat):
    assert (nat["status"], nat["private_ip"], nat["vpc_id"]) == ("pending", None, vpc["id"])
    assert nat["arn"] == f"arn:thecloud:vpc:local:default:nat-gateway/{nat['id']}"
    scene.moving.pass_time(60)
    assert show(scene, nat)["status"] == "pending"
    scene.reach(nat, State.READY)
    shown = show(scene, nat)
    assert (shown["status"], shown["private_ip"], shown["status_reason"]) == ("active", "10.4.1.23", None)
    assert (shown["subnet_id"], shown["elastic_ip_id"]) == (subnet["id"], address["id"])


def test_address_is_associated_from_when_it_is_asked_for_until_it_is_gone(scene, address, nat):
    assert status_of(scene, address) == "associated"
    scene.reach(nat, State.READY)
    status, _, message = scene.refused("DELETE", f"/elastic-ips/{address['id']}")
    assert (status, "NAT gateway" in message) == (409, True)
    assert scene.refused("POST", f"/elastic-ips/{address['id']}/disassociate")[0] == 409
    scene.ask("DELETE", f"/nat-gateways/{nat['id']}")
    assert (show(scene, nat)["status"], status_of(scene, address)) == ("deleting", "associated")
    scene.reach(nat, State.GONE)
    assert (status_of(scene, address), scene.ec2.nats_there()) == ("allocated", [])
    scene.ask("DELETE", f"/elastic-ips/{address['id']}")
    scene.reach(address, State.GONE)


def test_parts_that_a_nat_gateway_needs_do_not_go_before_it(scene, vpc, subnet, gateway, nat):
    for path in (f"/subnets/{subnet['id']}", f"/vpcs/{vpc['id']}"):
        assert scene.refused("DELETE", path)[0] == 409
    assert scene.refused("POST", f"/internet-gateways/{gateway['id']}/detach")[0] == 409


def test_route_to_a_nat_gateway_is_made_and_keeps_it(scene, vpc, nat):
    scene.reach(nat, State.READY)
    table = scene.table(vpc)
    route = scene.route(table, nat, target_type="nat")
    scene.reach(table, State.READY)
    assert scene.ec2.routes_of(scene.at_ec2(table)) == {"0.0.0.0/0": scene.at_ec2(nat)}
    assert scene.refused("DELETE", f"/nat-gateways/{nat['id']}")[0] == 409
    scene.ask("DELETE", f"/route-tables/{table['id']}/routes/{route['id']}")
    scene.ask("DELETE", f"/nat-gateways/{nat['id']}")
    scene.reach(nat, State.GONE)


def test_taken_subnet_and_taken_address_are_400(scene, vpc, subnet, address, nat):
    other = scene.ask("POST", "/elastic-ips")
    more = scene.subnet(vpc, "more", "10.4.2.0/24")
    status, kind, message = scene.refused("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": other["id"]})
    assert (status, kind, "has a NAT gateway already" in message) == (400, "INVALID_INPUT", True)
    status, kind, message = scene.refused("POST", "/nat-gateways", {"subnet_id": more["id"], "eip_id": address["id"]})
    assert (status, kind, "is associated" in message) == (400, "INVALID_INPUT", True)


def test_either_name_of_the_address_will_do_and_none_is_400(scene, subnet, gateway, address):
    status, _, message = scene.refused("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": ""})
    assert (status, "eip_id" in message) == (400, True)
    made = scene.ask("POST", "/nat-gateways", {"subnet_id": subnet["id"], "elastic_ip_id": address["id"]})
    assert made["elastic_ip_id"] == address["id"]


def test_vpc_without_an_internet_gateway_is_409_with_the_remedy(scene, subnet, address):
    body = {"subnet_id": subnet["id"], "eip_id": address["id"]}
    status, _, message = scene.refused("POST", "/nat-gateways", body)
    assert (status, "attach one first" in message) == (409, True)


def test_gateway_that_is_detached_at_the_same_moment_is_409(scene, subnet, gateway, address):
    scene.reach(gateway, State.READY)
    detach = lambda: scene.ask("POST", f"/internet-gateways/{gateway['id']}/detach")  # noqa: E731
    scene.moving.driver.before_next(detach, operation="TransactWriteItems")
    status, _, message = scene.refused("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": address["id"]})
    assert (status, "attach one first" in message, scene.row(gateway).references) == (409, True, 0)


def test_list_is_of_all_or_of_one_vpc(scene, vpc, nat):
    other = scene.vpc("other", "10.5.0.0/16")
    listed = lambda query="": [each["id"] for each in scene.ask("GET", f"/nat-gateways{query}")]  # noqa: E731
    assert (listed(), listed(f"?vpc_id={vpc['id']}"), listed("?vpc_id=production")) == ([nat["id"]],) * 3
    assert listed(f"?vpc_id={other['id']}") == []
    assert scene.refused("GET", f"/nat-gateways?vpc_id={NOTHING}")[0] == 404


@pytest.mark.parametrize(
    ("code", "says"),
    [("InsufficientFreeAddressesInSubnet", "no free address"), ("AnythingElse", "could not make it")],
)
def test_failure_in_aws_is_told_and_frees_all_once_it_is_deleted(scene, subnet, address, gateway, code, says):
    scene.ec2.nat_failure = code
    nat = scene.ask("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": address["id"]})
    scene.reach(nat, State.FAILED)
    shown = show(scene, nat)
    assert (shown["status"], says in shown["status_reason"]) == ("failed", True)
    scene.ask("DELETE", f"/nat-gateways/{nat['id']}")
    scene.reach(nat, State.GONE)
    assert status_of(scene, address) == "allocated"


def test_things_of_another_tenant_are_404_wherever_they_are_named(scene, vpc, subnet, address, gateway):
    within = {"headers": {"x-tenant-id": scene.tenant()}}
    nat = scene.ask("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": address["id"]})
    for body in ({"subnet_id": subnet["id"], "eip_id": address["id"]}, {"subnet_id": NOTHING, "eip_id": NOTHING}):
        assert scene.refused("POST", "/nat-gateways", body, **within)[0] == 404
    for method in ("GET", "DELETE"):
        assert scene.refused(method, f"/nat-gateways/{nat['id']}", **within)[0] == 404
    assert scene.refused("GET", f"/nat-gateways?vpc_id={vpc['id']}", **within)[0] == 404


def test_nat_gateway_is_in_the_bill_from_when_it_is_there(scene, nat):
    scene.reach(nat, State.READY)
    scene.moving.pass_time(3600, step=60)
    types = scene.ask("GET", "/billing/summary")["usage_by_type"]
    assert types["nat_gateway"] > types["eip"] > 0


@pytest.mark.parametrize("call", ["CreateNatGateway", "DeleteNatGateway"])
@pytest.mark.parametrize("trouble", ["lost", "crash", "InternalError"])
def test_call_that_fails_or_is_unanswered_makes_one_and_leaves_none(scene, subnet, address, gateway, call, trouble):
    {
        "lost": scene.ec2.lose_answer,
        "crash": scene.ec2.crash_after,
        "InternalError": lambda name: scene.ec2.fail(name, "InternalError", 500),
    }[trouble](call)
    nat = scene.ask("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": address["id"]})
    scene.reach(nat, State.READY)
    assert len(scene.ec2.nats_there()) == 1
    scene.ask("DELETE", f"/nat-gateways/{nat['id']}")
    scene.reach(nat, State.GONE)
    assert (scene.ec2.nats_there(), status_of(scene, address)) == ([], "allocated")
