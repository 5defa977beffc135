"""The traffic of NAT gateways on the bills of their tenants, hour by hour."""

from datetime import timedelta
from decimal import Decimal

import pytest

from chalicelib.cloud.metrics import UntoldError
from chalicelib.platform.billing.wiring import bills_of
from chalicelib.platform.provisioning.model import State
from tests.support.networks import NetworkScene

MB = 1024**2
TENANT = "default"


@pytest.fixture
def scene():
    return NetworkScene()


@pytest.fixture
def nat(scene):
    """A NAT gateway that is there, as its row says."""
    vpc = scene.vpc()
    subnet, address = scene.subnet(vpc), scene.ask("POST", "/elastic-ips")
    scene.gateway(vpc)
    made = scene.ask("POST", "/nat-gateways", {"subnet_id": subnet["id"], "eip_id": address["id"]})
    return scene.reach(made, State.READY)


def tell(scene, nat, hours_ago, out=0, back=0):
    """The traffic of a gateway in the hour that began so many whole hours ago."""
    at = scene.world.clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    for direction, size in (("BytesOutToDestination", out), ("BytesInFromDestination", back)):
        client = scene.world.metric_client
        client.tell_at(at, "AWS/NATGateway", direction, size, NatGatewayId=nat.external["id"])


def billed(scene):
    """The MB and the dollars of all traffic on the bill."""
    bill = bills_of(scene.world.platform).summary(TENANT, None, None)
    return bill.hours.get("nat_traffic"), bill.amounts.get("nat_traffic")


def test_traffic_of_both_directions_is_billed_once_by_the_mb(scene, nat):
    scene.world.clock.advance(3 * 3600)
    tell(scene, nat, 2, out=1_000 * MB, back=23 * MB + 1)
    tell(scene, nat, 1)
    for _ in range(2):
        scene.world.sweep("measure_traffic")
    assert billed(scene) == (Decimal(1_024), Decimal("0.056320"))
    (part,) = [each for each in bills_of(scene.world.platform).usage(TENANT, None, None) if each.charged.unit == "mb"]
    assert (part.interval.resource_id, part.interval.kind, part.seconds) == (nat.id, "nat_gateway", 3_600)


def test_hour_that_is_not_over_is_billed_when_it_is(scene, nat):
    scene.world.clock.advance(3600)
    tell(scene, nat, 0, out=5 * MB)
    scene.world.sweep("measure_traffic")
    assert billed(scene) == (None, None)
    scene.world.clock.advance(3600 + 600)
    scene.world.sweep("measure_traffic")
    assert billed(scene)[0] == Decimal(5)


def test_hours_of_a_function_that_did_not_run_are_billed_later(scene, nat):
    scene.world.clock.advance(8 * 3600)
    for hours_ago in range(1, 8):
        tell(scene, nat, hours_ago, back=MB)
    scene.world.sweep("measure_traffic")
    assert billed(scene)[0] == Decimal(6)


def test_hour_of_which_more_is_told_later_is_billed_whole(scene, nat):
    scene.world.clock.advance(3 * 3600)
    for size in (5, 8, 7):
        tell(scene, nat, 2, out=size * MB)
        scene.world.sweep("measure_traffic")
    assert billed(scene)[0] == Decimal(8)


def test_gateway_of_which_not_all_is_told_is_billed_later_and_fails_the_run(scene, nat):
    scene.world.clock.advance(3 * 3600)
    tell(scene, nat, 2, out=5 * MB)
    scene.world.metric_client.untold[nat.external["id"]] = "InternalError"
    with pytest.raises(UntoldError):
        scene.world.sweep("measure_traffic")
    assert billed(scene)[0] is None
    scene.world.metric_client.untold.clear()
    scene.world.sweep("measure_traffic")
    assert billed(scene)[0] == Decimal(5)


def test_traffic_leaves_the_hours_of_the_gateway_itself_as_they_are(scene, nat):
    scene.world.settle()
    scene.world.clock.advance(2 * 3600)
    tell(scene, nat, 1, out=MB)
    scene.world.sweep("measure_traffic")
    scene.ask("DELETE", f"/nat-gateways/{nat.id}")
    scene.world.settle()
    scene.world.clock.advance(3600)
    hours = bills_of(scene.world.platform).summary(TENANT, None, None).hours["nat_gateway"]
    assert hours == Decimal(2)
