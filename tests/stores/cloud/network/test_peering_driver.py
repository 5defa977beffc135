"""The driver of peerings, on the strict EC2 and on the emulator's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.cloud.network.drift import DRIFT
from chalicelib.cloud.network.names import VPC_PEERING, main_table_of
from chalicelib.cloud.network.peering_driver import PeeringDriver
from chalicelib.cloud.network.peering_model import Answer, PeeringSpec
from chalicelib.platform.provisioning.ec2_tags import tags_for
from chalicelib.platform.provisioning.model import Desired, Resource, Seen, State
from chalicelib.platform.provisioning.ports import AgainLaterError
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import STAGE, FakeEc2

MADE = "2026-11-21T10:00:00Z"
PEERING_ID, OUR_VPC, THEIR_VPC = (f"019ac1e5-7d00-7000-8000-0000000000{each}" for each in (50, 60, 70))
BLOCKS = {OUR_VPC: "10.4.0.0/16", THEIR_VPC: "10.5.0.0/16"}


@dataclass
class Place:
    """A client of EC2 with two VPCs and their main tables, and how its time passes."""

    client: Any
    advance: Callable[[float], None] = field(default=lambda _seconds: None)
    rows: dict[str, Resource] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for vpc, block in BLOCKS.items():
            tags = lambda kind, part: [{"ResourceType": kind, "Tags": tags_for(STAGE, "tenant-1", part)}]  # noqa: E731
            made = self.client.create_vpc(CidrBlock=block, TagSpecifications=tags("vpc", vpc))["Vpc"]["VpcId"]
            self.advance(10)
            main = main_table_of(vpc)
            table = self.client.create_route_table(
                VpcId=made, ClientToken=main, TagSpecifications=tags("route-table", main)
            )
            for part, external in ((vpc, made), (main, table["RouteTable"]["RouteTableId"])):
                self.rows[part] = row(part, state=State.READY, external={"id": external})

    @property
    def driver(self) -> PeeringDriver:
        return PeeringDriver(
            self.client, STAGE, lambda _tenant, ids: [self.rows[each] for each in ids if each in self.rows]
        )

    def made(self) -> Resource:
        made = peering(external=dict(self.driver.create(peering())))
        self.advance(10)
        return made

    def look(self, resource: Resource):
        return self.driver.observe([resource])[resource.id]

    def routes_of(self, vpc: str) -> dict[str, str]:
        """The routes by peerings of a VPC's main table."""
        table = self.rows[main_table_of(vpc)].external["id"]
        described = self.client.describe_route_tables(
            Filters=[{"Name": "tag:edge-admin:resource", "Values": [main_table_of(vpc)]}]
        )["RouteTables"]
        (found,) = [each for each in described if each["RouteTableId"] == table]
        return {
            each["DestinationCidrBlock"]: each["VpcPeeringConnectionId"]
            for each in found["Routes"]
            if "VpcPeeringConnectionId" in each
        }


@pytest.fixture(params=["strict", "emulator"])
def place(request):
    if request.param == "emulator":
        emulator = request.getfixturevalue("emulator")
        emulator.reset()
        return Place(emulator.client("ec2"))
    return strict_place()


def strict_place():
    clock = FakeClock()
    client = FakeEc2(clock, lag_seconds=2)
    place = Place(client, clock.advance)
    clock.advance(10)
    return place


def row(resource_id, **more):
    return Resource(
        id=resource_id, tenant="tenant-1", kind=VPC_PEERING, name="a", inserted_at=MADE, updated_at=MADE, **more
    )


def peering(answer=Answer.NONE, **more):
    spec = PeeringSpec(
        requester_vpc_id=OUR_VPC,
        accepter_vpc_id=THEIR_VPC,
        requester_block=BLOCKS[OUR_VPC],
        accepter_block=BLOCKS[THEIR_VPC],
        answer=answer,
    )
    return row(PEERING_ID, spec=spec.model_dump(mode="json"), **more)


def accepted(made, **more):
    return peering(Answer.ACCEPTED, external=made.external, **more)


def change_until_it_fits(place, resource):
    for _ in range(5):
        seen = place.look(resource)
        if seen.seen is Seen.READY and not seen.facts[DRIFT]:
            return
        place.driver.change(resource, seen)
        place.advance(10)
    raise AssertionError(place.look(resource))


def test_peering_waits_for_an_answer_and_is_deleted(place):
    made = place.made()
    seen = place.look(peering())
    assert (seen.seen, seen.external, seen.facts[DRIFT]) == (Seen.READY, made.external, "")
    assert [(each.resource_id, each.external_id) for each in place.driver.tagged()] == [
        (PEERING_ID, made.external["id"])
    ]
    for _ in range(2):
        place.driver.delete(made)
        place.advance(10)
    assert place.look(made).seen is Seen.ENDED
    assert list(place.driver.tagged()) == []


def test_accepted_peering_has_both_routes_and_its_deletion_removes_them(place):
    made = place.made()
    wanted = accepted(made)
    assert "does not have it accepted" in place.look(wanted).facts[DRIFT]
    change_until_it_fits(place, wanted)
    there = made.external["id"]
    assert place.routes_of(OUR_VPC) == {BLOCKS[THEIR_VPC]: there}
    assert place.routes_of(THEIR_VPC) == {BLOCKS[OUR_VPC]: there}
    place.driver.delete(wanted)
    place.advance(10)
    assert (place.routes_of(OUR_VPC), place.routes_of(THEIR_VPC)) == ({}, {})


def test_lost_peering_takes_its_own_routes_along_and_no_others(place):
    made = place.made()
    change_until_it_fits(place, accepted(made))
    lost = accepted(made, is_released=True)
    place.client.delete_vpc_peering_connection(VpcPeeringConnectionId=made.external["id"])
    place.advance(10)
    table = place.rows[main_table_of(OUR_VPC)].external["id"]
    other = place.client.create_vpc_peering_connection(
        VpcId=place.rows[OUR_VPC].external["id"],
        PeerVpcId=place.rows[THEIR_VPC].external["id"],
        TagSpecifications=[
            {"ResourceType": "vpc-peering-connection", "Tags": tags_for(STAGE, "tenant-1", main_table_of(PEERING_ID))}
        ],
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    place.advance(10)
    route = {"RouteTableId": table, "DestinationCidrBlock": BLOCKS[THEIR_VPC]}
    place.client.delete_route(**route)
    place.client.create_route(**route, VpcPeeringConnectionId=other)
    place.advance(10)
    place.driver.delete(lost)
    place.advance(10)
    assert (place.routes_of(OUR_VPC), place.routes_of(THEIR_VPC)) == ({BLOCKS[THEIR_VPC]: other}, {})


def test_main_table_that_is_not_there_yet_is_waited_for_before_anything_is_done(place):
    made = place.made()
    main = place.rows.pop(main_table_of(THEIR_VPC))
    wanted = accepted(made)
    with pytest.raises(AgainLaterError) as later:
        place.driver.change(wanted, place.look(wanted))
    assert later.value.nothing_done
    assert place.look(peering()).facts["code"] == "pending-acceptance"
    place.rows[main.id] = main
    change_until_it_fits(place, wanted)


def test_deletion_of_nothing_is_a_success(place):
    place.driver.delete(peering())
    place.driver.delete(accepted(peering(external={"id": "pcx-0a1b2c3d4e5f60718"})))


@pytest.mark.parametrize(("code", "says"), [("expired", "seven days"), ("rejected", "in AWS"), ("failed", "could not")])
def test_peering_that_is_over_is_broken_and_ended_for_one_that_shall_go(code, says):
    place = strict_place()
    made = place.made()
    place.client.become(made.external["id"], code)
    place.advance(10)
    seen = place.look(made)
    assert (seen.seen, says in seen.reason) == (Seen.BROKEN, True)
    going = peering(external=made.external, desired=Desired.ABSENT)
    place.driver.delete(going)
    assert place.look(going).seen is Seen.ENDED
    assert list(place.driver.tagged()) == []


def test_a_hundred_peerings_are_seen_in_two_calls():
    place = strict_place()
    rows = [
        accepted(peering()).model_copy(update={"id": f"019ac1e5-7d00-7000-8000-{each:012x}"}) for each in range(100)
    ]
    made = place.driver.create(rows[0])
    place.advance(10)
    place.client.calls.clear()
    observed = place.driver.observe(rows)
    assert (observed[rows[0].id].external, len(observed)) == (made, 100)
    asked = [operation for operation, _ in place.client.calls]
    assert asked == ["DescribeVpcPeeringConnections", "DescribeRouteTables"]
