"""The driver of security groups, on the strict EC2 and on the emulator's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.cloud.network import group_rules as rules
from chalicelib.cloud.network.drivers import VpcDriver
from chalicelib.cloud.network.group_driver import SecurityGroupDriver
from chalicelib.cloud.network.group_model import SECURITY_GROUP, Direction, Protocol, Traffic
from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.cloud.network.subnet_driver import SubnetDriver
from chalicelib.machines.providers.ec2 import Ec2
from chalicelib.machines.providers.ec2_request import Network
from chalicelib.machines.providers.ports import Launch
from chalicelib.platform.provisioning.model import Resource, Seen, State
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import STAGE, FakeEc2
from tests.support.machines import EC2_MACHINE, INSTANCE_ID, instance

MADE = "2026-11-21T10:00:00Z"
VPC_ID = "019ac1e5-7d00-7000-8000-000000000001"
GROUP_ID = "019ac1e5-7d00-7000-8000-000000020000"
OTHER_ID = "019ac1e5-7d00-7000-8000-000000030000"
ANYWHERE, OFFICE = "0.0.0.0/0", "203.0.113.0/24"


def traffic(protocol="tcp", ports=(443, 443), cidr=ANYWHERE, direction="ingress"):
    first, last = ports
    return Traffic(
        direction=Direction(direction), protocol=Protocol(protocol), cidr=cidr, port_min=first, port_max=last
    )


HTTPS, FROM_THE_OFFICE = traffic(), traffic(cidr=OFFICE)
DNS, PINGS = traffic("udp", (53, 53), direction="egress"), traffic("icmp", (None, None))
ALL_OUT, ALL_IN = traffic("all", (None, None), direction="egress"), traffic("all", (None, None))


def row(resource_id, kind, spec, **more):
    return Resource(
        id=resource_id, tenant="tenant-1", kind=kind, name="a", spec=spec, inserted_at=MADE, updated_at=MADE, **more
    )


def group(*wanted, **more):
    """A group with these rules and no others."""
    spec = rules.without_rule(rules.new_spec(VPC_ID, "", MADE), 1)
    for each in wanted:
        spec = rules.with_rule(spec, each, 0, MADE)
    return row(GROUP_ID, SECURITY_GROUP, spec.model_dump(mode="json"), **more)


@dataclass
class Place:
    """A client of EC2 with a VPC, and how its time passes."""

    client: Any
    advance: Callable[[float], None] = field(default=lambda _seconds: None)
    rows: dict[str, Resource] = field(default_factory=dict)

    def __post_init__(self) -> None:
        vpc = row(VPC_ID, VPC, {"cidr_block": "10.4.0.0/16"})
        external = dict(VpcDriver(self.client, STAGE, self.find).create(vpc))
        self.advance(10)
        self.rows[VPC_ID] = vpc.model_copy(update={"state": State.READY, "external": external})
        self.driver = SecurityGroupDriver(self.client, STAGE, self.find)

    def find(self, _tenant: str, ids: Any) -> list[Resource]:
        return [self.rows[each] for each in ids if each in self.rows]

    def seen(self, resource: Resource) -> Any:
        return self.driver.observe([resource])[resource.id]

    def made(self, resource: Resource) -> Any:
        external = self.driver.create(resource)
        self.advance(10)
        return external

    def follow(self, resource: Resource) -> None:
        """Have EC2 get the rules of the row."""
        self.driver.change(resource, self.seen(resource))
        self.advance(10)


@pytest.fixture(params=["strict", "emulator"])
def place(request):
    if request.param == "emulator":
        emulator = request.getfixturevalue("emulator")
        emulator.reset()
        return Place(emulator.client("ec2"))
    clock = FakeClock()
    return Place(FakeEc2(clock, lag_seconds=2), clock.advance)


def test_group_is_made_with_what_a_new_one_has_seen_by_its_tag_and_deleted(place):
    external = place.made(group(ALL_OUT))
    observation = place.seen(group(ALL_OUT))
    assert (observation.seen, observation.external) == (Seen.READY, external)
    assert observation.facts == {"matches": True}
    assert [(each.resource_id, each.external_id) for each in place.driver.tagged()] == [(GROUP_ID, external["id"])]
    for _ in range(2):
        place.driver.delete(group(external=external))
        place.advance(10)
    assert place.seen(group()).seen is Seen.MISSING


@pytest.mark.parametrize(
    "wanted",
    [
        (HTTPS, FROM_THE_OFFICE, PINGS, DNS),
        (ALL_IN, ALL_OUT, HTTPS),
        (),
    ],
)
def test_rules_of_the_row_are_made_and_all_others_removed(place, wanted):
    place.made(group())
    for rows_wanted in (wanted, (traffic(ports=(80, 90)), ALL_OUT), wanted):
        resource = group(*rows_wanted)
        assert rules.drifted(resource, place.seen(resource))
        place.follow(resource)
        assert place.seen(resource).facts == {"matches": True}
        assert rules.drifted(resource, place.seen(resource)) == ""


def test_rules_that_somebody_adds_in_aws_are_seen_and_removed(place):
    external = place.made(group(HTTPS))
    place.follow(group(HTTPS))
    strange = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    place.client.authorize_security_group_ingress(GroupId=external["id"], IpPermissions=[strange])
    place.advance(10)
    assert not place.seen(group(HTTPS)).facts["matches"]
    place.follow(group(HTTPS))
    assert place.seen(group(HTTPS)).facts == {"matches": True}


def test_repeat_of_a_creation_makes_no_second_group(place):
    external = place.made(group())
    assert place.driver.create(group()) == external


def test_repeat_that_comes_before_the_group_is_shown_waits():
    clock = FakeClock()
    place = Place(FakeEc2(clock, lag_seconds=2), clock.advance)
    external = place.driver.create(group())
    with pytest.raises(AgainLaterError, match="does not show"):
        place.driver.create(group())
    place.advance(3)
    assert place.driver.create(group()) == external


def test_group_waits_for_its_vpc_and_is_refused_without_one(place):
    vpc = place.rows[VPC_ID]
    place.rows[VPC_ID] = vpc.model_copy(update={"state": State.CREATING})
    with pytest.raises(AgainLaterError) as later:
        place.driver.create(group())
    assert later.value.nothing_done
    place.rows.clear()
    with pytest.raises(RefusedError, match="make another one"):
        place.driver.create(group())


def test_name_and_text_at_ec2_say_nothing_of_the_tenant(place):
    place.made(group())
    (shown,) = [each for each in place.client.describe_security_groups()["SecurityGroups"] if each.get("Tags")]
    assert (shown["GroupName"], shown["Description"]) == (GROUP_ID, "A security group of a tenant")


def test_change_before_ec2_shows_the_last_one_is_tried_again():
    clock = FakeClock()
    place = Place(FakeEc2(clock, lag_seconds=2), clock.advance)
    place.made(group())
    before = place.seen(group(HTTPS))
    place.driver.change(group(HTTPS), before)
    with pytest.raises(AgainLaterError, match="still changing"):
        place.driver.change(group(HTTPS), before)


def test_limit_of_groups_is_a_refusal_with_its_remedy():
    place = Place(FakeEc2(FakeClock(), group_limit=0))
    with pytest.raises(RefusedError, match="limit of security groups"):
        place.driver.create(group())


def test_limit_of_rules_is_a_refusal_with_its_remedy():
    place = Place(FakeEc2(FakeClock(), rule_limit=0))
    place.made(group())
    observation = place.seen(group(HTTPS))
    with pytest.raises(RefusedError, match="limit of rules"):
        place.driver.change(group(HTTPS), observation)


def test_machine_in_a_subnet_has_its_groups_and_gets_others(place):
    """The emulator does not know ModifyInstanceAttribute."""
    subnet = row("019ac1e5-7d00-7000-8000-000000000003", SUBNET, {"vpc_id": VPC_ID, "cidr_block": "10.4.1.0/24"})
    subnet_id = SubnetDriver(place.client, STAGE, place.find).create(subnet)["id"]
    first, second = place.made(group())["id"], place.made(group().model_copy(update={"id": OTHER_ID}))["id"]
    machines = Ec2(place.client, STAGE, Network({}, ()), {})
    launch = Launch(
        INSTANCE_ID, "tenant-1", "a", "eu-central-1a", EC2_MACHINE, None, subnet=subnet_id, security_groups=(first,)
    )
    external = machines.launch(launch)
    place.advance(30)
    made = instance(external=external)
    made = made.model_copy(update={"spec": {**made.spec, "security_group_ids": [GROUP_ID, OTHER_ID]}})
    assert machines.look([made])[INSTANCE_ID].facts["groups"] == [first]
    if isinstance(place.client, FakeEc2):
        machines.regroup(made, [first, second])
        place.advance(30)
        facts = machines.look([made])[INSTANCE_ID].facts
        assert (facts["groups"], facts["internal_ip"]) == (sorted([first, second]), "10.4.1.4")
    assert "groups" not in machines.look([instance(external=external)])[INSTANCE_ID].facts
