"""The driver of NAT gateways, on the strict EC2 and on the emulator's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.cloud.network.names import NAT_GATEWAY
from chalicelib.cloud.network.nat_driver import NatDriver
from chalicelib.cloud.network.nat_model import NatSpec
from chalicelib.platform.provisioning.ec2_tags import tags_for
from chalicelib.platform.provisioning.model import Desired, Resource, Seen, State
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import STAGE, FakeEc2

MADE = "2026-11-21T10:00:00Z"
NAT_ID, SUBNET_ID, ADDRESS_ID, VPC_ID, GATEWAY_ID = (f"019ac1e5-7d00-7000-8000-00000000004{each}" for each in range(5))


@dataclass
class Place:
    """A client of EC2, and how its time passes. ``rows`` are the resources that the driver finds."""

    client: Any
    advance: Callable[[float], None] = field(default=lambda _seconds: None)
    rows: dict[str, Resource] = field(default_factory=dict)

    @property
    def driver(self) -> NatDriver:
        return NatDriver(
            self.client, STAGE, lambda _tenant, ids: [self.rows[each] for each in ids if each in self.rows]
        )

    def with_its_parts(self) -> "Place":
        """A subnet of a VPC with an internet gateway, and an address are there."""
        tags = lambda kind, part: [{"ResourceType": kind, "Tags": tags_for(STAGE, "tenant-1", part)}]  # noqa: E731
        vpc = self.client.create_vpc(CidrBlock="10.4.0.0/16", TagSpecifications=tags("vpc", VPC_ID))["Vpc"]["VpcId"]
        self.advance(10)
        subnet = self.client.create_subnet(
            VpcId=vpc, CidrBlock="10.4.1.0/24", TagSpecifications=tags("subnet", SUBNET_ID)
        )["Subnet"]["SubnetId"]
        address = self.client.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", ADDRESS_ID))
        gateway = self.client.create_internet_gateway(TagSpecifications=tags("internet-gateway", GATEWAY_ID))
        gateway_id = gateway["InternetGateway"]["InternetGatewayId"]
        self.advance(10)
        self.client.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc)
        made = {SUBNET_ID: subnet, ADDRESS_ID: address["AllocationId"], GATEWAY_ID: gateway_id}
        for part, external in made.items():
            self.rows[part] = row(part, state=State.READY, external={"id": external})
        return self


@pytest.fixture(params=["strict", "emulator"])
def place(request):
    if request.param == "emulator":
        emulator = request.getfixturevalue("emulator")
        emulator.reset()
        return Place(emulator.client("ec2"))
    clock = FakeClock()
    return Place(FakeEc2(clock, lag_seconds=2), clock.advance)


def row(resource_id, **more):
    return Resource(
        id=resource_id, tenant="tenant-1", kind=NAT_GATEWAY, name="a", inserted_at=MADE, updated_at=MADE, **more
    )


def nat(**more):
    spec = NatSpec(vpc_id=VPC_ID, gateway_id=GATEWAY_ID, subnet_id=SUBNET_ID, elastic_ip_id=ADDRESS_ID)
    return row(NAT_ID, spec=spec.model_dump(mode="json"), **more)


def seen(place, resource):
    return place.driver.observe([resource])[resource.id]


def test_nat_gateway_is_made_seen_by_its_tag_and_deleted(place):
    place.with_its_parts()
    made = nat(external=dict(place.driver.create(nat())))
    place.advance(120)
    observation = seen(place, nat())
    assert (observation.seen, observation.external) == (Seen.READY, made.external)
    (told,) = place.driver.tagged()
    assert (told.resource_id, told.external_id, told.price_per_hour) == (NAT_ID, made.external["id"], "0.0450 USD")
    for _ in range(2):
        place.driver.delete(made)
        place.advance(120)
    assert seen(place, made).seen is Seen.ENDED
    assert list(place.driver.tagged()) == []


@pytest.mark.parametrize("part", [SUBNET_ID, ADDRESS_ID, GATEWAY_ID])
def test_part_that_is_not_there_yet_is_waited_for(strict, part):
    place, there = strict, strict.rows[part]
    place.rows[part] = there.model_copy(update={"state": State.CREATING})
    with pytest.raises(AgainLaterError) as later:
        place.driver.create(nat())
    assert later.value.nothing_done
    place.rows[part] = there.model_copy(update={"state": State.FAILED})
    with pytest.raises(RefusedError, match="make another one"):
        place.driver.create(nat())


def test_deletion_of_nothing_is_a_success(place):
    place.driver.delete(nat())
    place.driver.delete(nat(external={"id": "nat-0a1b2c3d4e5f60718"}))


@pytest.fixture
def strict():
    clock = FakeClock()
    return Place(FakeEc2(clock, lag_seconds=2), clock.advance).with_its_parts()


def test_repeat_of_a_creation_makes_one(strict):
    assert strict.driver.create(nat()) == strict.driver.create(nat())
    assert len(strict.client.nats_there()) == 1


def test_nat_gateway_is_seen_as_it_becomes_and_as_it_goes(strict):
    made = nat(external=dict(strict.driver.create(nat())))
    strict.advance(10)
    assert seen(strict, made).seen is Seen.BECOMING
    strict.advance(120)
    assert seen(strict, made).facts == {"private_ip": "10.4.1.23"}
    strict.driver.delete(made)
    strict.advance(10)
    assert seen(strict, made).seen is Seen.ENDING


def test_failed_one_is_broken_with_a_reason_and_no_stranger(strict):
    strict.client.nat_failure = "InsufficientFreeAddressesInSubnet"
    strict.driver.create(nat())
    strict.advance(120)
    observation = seen(strict, nat())
    assert (observation.seen, "another subnet" in observation.reason) == (Seen.BROKEN, True)
    assert list(strict.driver.tagged()) == []
    assert seen(strict, nat(desired=Desired.ABSENT)).seen is Seen.ENDED


def test_limit_of_the_account_is_refused_with_its_remedy(strict):
    strict.client.nat_limit = 0
    with pytest.raises(RefusedError, match="limit of NAT gateways"):
        strict.driver.create(nat())
