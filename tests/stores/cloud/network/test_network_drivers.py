"""The drivers of VPCs and subnets, on the strict EC2 and on the emulator's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.cloud.network.drivers import VpcDriver
from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.cloud.network.subnet_driver import SubnetDriver
from chalicelib.platform.provisioning.model import Resource, Seen, State
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import STAGE, FakeEc2

MADE = "2026-11-21T10:00:00Z"
NOTHING = "01900000-0000-7000-8000-0000000000ff"
VPC_ID, SUBNET_ID = (f"019ac1e5-7d00-7000-8000-00000000000{number}" for number in (1, 2))


@dataclass
class Place:
    """A client of EC2, and how its time passes. ``rows`` are the resources that drivers find."""

    client: Any
    name: str
    zone: str
    advance: Callable[[float], None] = field(default=lambda _seconds: None)
    rows: dict[str, Resource] = field(default_factory=dict)

    def find(self, _tenant: str, ids: Any) -> list[Resource]:
        return [self.rows[each] for each in ids if each in self.rows]

    @property
    def vpcs(self) -> VpcDriver:
        return VpcDriver(self.client, STAGE, self.find)

    @property
    def subnets(self) -> SubnetDriver:
        return SubnetDriver(self.client, STAGE, self.find)


@pytest.fixture(params=["strict", "emulator"])
def place(request):
    if request.param == "emulator":
        emulator = request.getfixturevalue("emulator")
        emulator.reset()
        client = emulator.client("ec2")
        zones = client.describe_availability_zones()["AvailabilityZones"]
        return Place(client, "emulator", max(each["ZoneName"] for each in zones))
    clock = FakeClock()
    return Place(FakeEc2(clock, lag_seconds=2, vpc_seconds=4), "strict", "eu-central-1b", clock.advance)


def row(resource_id, kind, spec, **more):
    return Resource(
        id=resource_id, tenant="tenant-1", kind=kind, name="a", spec=spec, inserted_at=MADE, updated_at=MADE, **more
    )


def vpc(cidr_block="10.4.0.0/16", **more):
    return row(VPC_ID, VPC, {"cidr_block": cidr_block}, **more)


def subnet(cidr_block="10.4.1.0/24", zone="", **more):
    return row(SUBNET_ID, SUBNET, {"vpc_id": VPC_ID, "cidr_block": cidr_block, "zone": zone}, **more)


def made(place, **more):
    """The VPC, as it is once EC2 shows it."""
    external = dict(place.vpcs.create(vpc(**more)))
    place.advance(10)
    place.rows[VPC_ID] = vpc(state=State.READY, external=external, **more)
    return place.rows[VPC_ID]


def seen(driver, resource):
    return driver.observe([resource])[resource.id]


def test_vpc_is_made_seen_by_its_tag_and_deleted(place):
    resource = made(place)
    observation = seen(place.vpcs, vpc())
    assert (observation.seen, observation.external) == (Seen.READY, resource.external)
    assert [(each.tenant, each.resource_id, each.external_id) for each in place.vpcs.tagged()] == [
        ("tenant-1", VPC_ID, resource.external["id"])
    ]
    for _ in range(2):
        place.vpcs.delete(resource)
        place.advance(10)
    assert seen(place.vpcs, resource).seen is Seen.MISSING
    assert list(place.vpcs.tagged()) == []


@pytest.mark.parametrize("place", ["strict"], indirect=True)
def test_vpc_that_is_gone_and_still_shown_is_deleted_again_later(place):
    resource = made(place)
    place.vpcs.delete(resource)
    with pytest.raises(AgainLaterError, match="UnauthorizedOperation"):
        place.vpcs.delete(resource)
    place.advance(10)
    place.vpcs.delete(resource)


def test_vpc_whose_id_was_lost_is_deleted_by_its_tag(place):
    made(place)
    place.vpcs.delete(vpc())
    place.advance(10)
    assert list(place.vpcs.tagged()) == []


def test_deletion_of_nothing_is_a_success(place):
    place.vpcs.delete(vpc())
    place.subnets.delete(subnet(external={"id": "subnet-0a1b2c3d4e5f60718"}))


def test_subnet_is_made_in_its_vpc_and_zone(place):
    made(place)
    external = dict(place.subnets.create(subnet(zone=place.zone)))
    place.advance(10)
    observation = seen(place.subnets, subnet())
    assert (observation.seen, observation.external) == (Seen.READY, external)
    assert observation.facts["zone"] == place.zone
    place.subnets.delete(subnet(external=external))
    place.advance(10)
    assert seen(place.subnets, subnet()).seen is Seen.MISSING


def test_subnet_waits_for_its_vpc_and_is_refused_without_one(place):
    place.rows[VPC_ID] = vpc()
    with pytest.raises(AgainLaterError) as later:
        place.subnets.create(subnet())
    assert later.value.nothing_done
    for lost in ({}, {VPC_ID: vpc(state=State.FAILED)}):
        place.rows = lost
        with pytest.raises(RefusedError, match="make another one"):
            place.subnets.create(subnet())


def test_vpc_is_not_deleted_before_its_subnets(place):
    """The emulator lets it go: the references of rows hold there."""
    resource = made(place)
    place.subnets.create(subnet())
    if place.name == "strict":
        with pytest.raises(AgainLaterError, match="still uses it"):
            place.vpcs.delete(resource)


def test_a_hundred_things_are_seen_in_one_call():
    clock = FakeClock()
    client = FakeEc2(clock, vpc_limit=100)
    driver = VpcDriver(client, STAGE, lambda _tenant, _ids: [])
    rows = [row(f"019ac1e5-7d00-7000-8000-{number:012x}", VPC, {"cidr_block": "10.4.0.0/16"}) for number in range(100)]
    driver.create(rows[0])
    client.calls.clear()
    observed = driver.observe(rows)
    assert [each.seen for each in observed.values()].count(Seen.MISSING) == 99
    assert [operation for operation, _ in client.calls] == ["DescribeVpcs"]


def test_block_that_aws_has_in_use_may_be_that_of_an_earlier_call():
    """Such as one whose answer was lost."""
    clock = FakeClock()
    place = Place(FakeEc2(clock), "strict", "", clock.advance)
    made(place)
    place.subnets.create(subnet())
    with pytest.raises(AgainLaterError) as later:
        place.subnets.create(subnet())
    assert not later.value.nothing_done


def test_thing_that_is_becoming_is_seen_so():
    clock = FakeClock()
    driver = VpcDriver(FakeEc2(clock, vpc_seconds=30), STAGE, lambda _tenant, _ids: [])
    driver.create(vpc())
    assert seen(driver, vpc()).seen is Seen.BECOMING


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("VpcLimitExceeded", RefusedError, "5 unless it was raised"),
        ("RequestLimitExceeded", AgainLaterError, "too many requests"),
        ("UnauthorizedOperation", RefusedError, "look at its permissions"),
    ],
)
def test_refusal_of_ec2_has_a_reason_with_its_remedy(code, kind, says):
    client = FakeEc2(FakeClock())
    client.fail("CreateVpc", code)
    with pytest.raises(kind, match=says):
        VpcDriver(client, STAGE, lambda _tenant, _ids: []).create(vpc())
