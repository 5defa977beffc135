"""The drivers of internet gateways, route tables and associations, on the strict EC2 and on the emulator's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.cloud.network.drift import DRIFT
from chalicelib.cloud.network.drivers import VpcDriver
from chalicelib.cloud.network.gateway_driver import InternetGatewayDriver
from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.cloud.network.names import INTERNET_GATEWAY, ROUTE_TABLE, main_table_of, routes_of
from chalicelib.cloud.network.subnet_driver import SubnetDriver
from chalicelib.cloud.network.table_driver import RouteTableDriver
from chalicelib.platform.provisioning.model import Observation, Resource, Seen, State
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ec2 import STAGE, FakeEc2

MADE = "2026-11-21T10:00:00Z"
VPC_ID, SUBNET_ID, GATEWAY_ID, TABLE_ID = (f"019ac1e5-7d00-7000-8000-00000000000{number}" for number in (2, 4, 6, 8))
MAIN_ID = main_table_of(VPC_ID)
TO = "198.51.100.0/24"
EVERYWHERE = "0.0.0.0/0"
NO_LOOK = Observation(Seen.READY)


@dataclass
class Place:
    """A client of EC2, and how its time passes. ``rows`` are the resources that drivers find, ``claims`` the holders of
    claims by scope."""

    client: Any
    advance: Callable[[float], None] = field(default=lambda _seconds: None)
    rows: dict[str, Resource] = field(default_factory=dict)
    claims: dict[str, dict[str, str]] = field(default_factory=dict)

    def find(self, _tenant: str, ids: Any) -> list[Resource]:
        return [self.rows[each] for each in ids if each in self.rows]

    @property
    def drivers(self) -> dict[str, Any]:
        at, read = (self.client, STAGE, self.find), lambda _tenant, scope: self.claims.get(scope, {})
        return {
            VPC: VpcDriver(*at),
            SUBNET: SubnetDriver(*at),
            INTERNET_GATEWAY: InternetGatewayDriver(*at, read),
            ROUTE_TABLE: RouteTableDriver(*at, read),
        }

    def row(self, resource_id: str, kind: str, **spec: Any) -> Resource:
        """A row with this specification; what EC2 has of it stays."""
        known = self.rows.get(resource_id)
        self.rows[resource_id] = Resource(
            id=resource_id,
            tenant="tenant-1",
            kind=kind,
            name="a",
            spec=spec,
            state=State.READY,
            external={} if known is None else known.external,
            inserted_at=MADE,
            updated_at=MADE,
        )
        return self.rows[resource_id]

    def make(self, resource_id: str, kind: str, **spec: Any) -> Resource:
        """A thing that EC2 shows."""
        row = self.row(resource_id, kind, **spec)
        self.rows[resource_id] = row.model_copy(update={"external": dict(self.drivers[kind].create(row))})
        self.advance(10)
        return self.rows[resource_id]

    def drift(self, row: Resource) -> str:
        """What a look finds to be wrong with a thing."""
        self.advance(10)
        seen = self.drivers[row.kind].observe([row])[row.id]
        assert (seen.seen, seen.external) == (Seen.READY, row.external)
        return str(seen.facts[DRIFT])

    def change(self, row: Resource) -> None:
        self.drivers[row.kind].change(row, NO_LOOK)
        self.advance(10)

    def remove(self, row: Resource) -> None:
        self.drivers[row.kind].delete(row)
        self.advance(10)
        assert self.drivers[row.kind].observe([row])[row.id].seen is Seen.MISSING

    def table(self, routes: Any = (), *, is_main: bool = False) -> Resource:
        """The row of a table with these routes, each of which is a claim of it."""
        table_id = MAIN_ID if is_main else TABLE_ID
        self.claims[routes_of(table_id)] = {each["destination_cidr"]: table_id for each in routes}
        return self.row(
            table_id, ROUTE_TABLE, vpc_id=VPC_ID, vpc_block="10.4.0.0/16", is_main=is_main, routes=list(routes)
        )

    def routes(self, table: Resource) -> dict[str, str]:
        """The routes of a table at EC2 that were made."""
        self.advance(10)
        filters = [{"Name": "route-table-id", "Values": [table.external["id"]]}]
        shown = next(
            each
            for each in self.client.describe_route_tables(Filters=filters)["RouteTables"]
            if each["RouteTableId"] == table.external["id"]  # the emulator does not know the filter
        )
        made = [each for each in shown["Routes"] if each["Origin"] == "CreateRoute"]
        return {each["DestinationCidrBlock"]: each["GatewayId"] for each in made}


@pytest.fixture(params=["strict", "emulator"])
def place(request):
    if request.param == "emulator":
        emulator = request.getfixturevalue("emulator")
        emulator.reset()
        place = Place(emulator.client("ec2"))
    else:
        clock = FakeClock()
        place = Place(FakeEc2(clock, lag_seconds=2), clock.advance)
    place.make(VPC_ID, VPC, cidr_block="10.4.0.0/16")
    place.make(MAIN_ID, ROUTE_TABLE, **place.table(is_main=True).spec)
    return place


@pytest.fixture
def gateway(place):
    place.make(GATEWAY_ID, INTERNET_GATEWAY, vpc_id="")
    return attached(place)


def attached(place, vpc_id=VPC_ID):
    row = place.row(GATEWAY_ID, INTERNET_GATEWAY, vpc_id=vpc_id)
    place.claims[routes_of(MAIN_ID)] = {EVERYWHERE: GATEWAY_ID} if vpc_id else {}
    return row


def route(destination=TO, target_id=GATEWAY_ID):
    return {"id": TABLE_ID, "destination_cidr": destination, "target_type": "igw", "target_id": target_id}


class TestGateways:
    def test_gateway_is_attached_with_its_route_and_detached_without(self, place, gateway):
        assert "not have it attached" in place.drift(gateway)
        place.change(gateway)
        assert place.drift(gateway) == ""
        assert place.routes(place.rows[MAIN_ID]) == {EVERYWHERE: gateway.external["id"]}
        loose = attached(place, "")
        assert "still has it attached" in place.drift(loose)
        place.change(loose)
        assert (place.drift(loose), place.routes(place.rows[MAIN_ID])) == ("", {})
        place.remove(loose)

    def test_gateway_without_its_route_gets_it(self, place, gateway):
        place.change(gateway)
        main = place.rows[MAIN_ID]
        place.client.delete_route(RouteTableId=main.external["id"], DestinationCidrBlock=EVERYWHERE)
        assert "has no route to it" in place.drift(gateway)
        place.change(gateway)
        assert place.drift(gateway) == ""

    def test_route_that_another_has_claimed_since_is_left_to_it(self, place, gateway):
        place.change(gateway)
        loose = attached(place, "")
        place.claims[routes_of(MAIN_ID)] = {EVERYWHERE: MAIN_ID}
        place.change(loose)
        assert place.routes(place.rows[MAIN_ID]) == {EVERYWHERE: gateway.external["id"]}

    def test_gateway_that_goes_while_it_is_attached_is_detached_first(self, place, gateway):
        place.change(gateway)
        place.remove(attached(place, ""))
        assert place.routes(place.rows[MAIN_ID]) == {}

    def test_gateway_waits_for_the_main_table_and_is_refused_without_one(self, place, gateway):
        main = place.rows.pop(MAIN_ID)
        with pytest.raises(AgainLaterError, match="not ready yet") as later:
            place.change(gateway)
        assert later.value.nothing_done
        place.rows[MAIN_ID] = main.model_copy(update={"state": State.FAILED})
        with pytest.raises(RefusedError, match="make another VPC"):
            place.change(gateway)

    def test_gateway_is_found_by_its_tag(self, place, gateway):
        found = [(each.resource_id, each.external_id) for each in place.drivers[INTERNET_GATEWAY].tagged()]
        assert found == [(GATEWAY_ID, gateway.external["id"])]


class TestTables:
    def test_routes_are_made_and_removed_as_the_row_says(self, place, gateway):
        place.change(gateway)
        place.make(TABLE_ID, ROUTE_TABLE, **place.table().spec)
        table = place.table([route(), route(EVERYWHERE)])
        assert "does not have its route to 198.51.100.0/24" in place.drift(table)
        place.change(table)
        assert place.drift(table) == ""
        assert place.routes(table) == dict.fromkeys((TO, EVERYWHERE), gateway.external["id"])
        fewer = place.table([route()])
        assert "0.0.0.0/0 that was not made here" in place.drift(fewer)
        place.change(fewer)
        assert (place.drift(fewer), list(place.routes(fewer))) == ("", [TO])
        place.remove(fewer)

    def test_routes_of_others_stay_in_a_main_table(self, place, gateway):
        place.change(gateway)
        main = place.table([route()], is_main=True)
        attached(place)
        place.change(main)
        assert (place.drift(main), set(place.routes(main))) == ("", {TO, EVERYWHERE})

    def test_table_that_is_made_twice_with_its_token_is_one(self, place):
        if not isinstance(place.client, FakeEc2):
            pytest.skip("the emulator knows no tokens")
        first = place.make(TABLE_ID, ROUTE_TABLE, **place.table().spec)
        assert place.make(TABLE_ID, ROUTE_TABLE, **place.table().spec) == first

    def test_table_whose_target_is_not_ready_waits(self, place, gateway):
        place.make(TABLE_ID, ROUTE_TABLE, **place.table().spec)
        table = place.table([route()])
        place.rows[GATEWAY_ID] = gateway.model_copy(update={"state": State.CHANGING})
        with pytest.raises(AgainLaterError, match="not ready yet"):
            place.change(table)


class TestAssociations:
    def test_subnet_gets_the_main_table_then_another_and_takes_none_along(self, place):
        subnet = place.make(SUBNET_ID, SUBNET, vpc_id=VPC_ID, cidr_block="10.4.1.0/24")
        assert "associated with its route table" in place.drift(subnet)
        place.change(subnet)
        assert place.drift(subnet) == ""
        table = place.make(TABLE_ID, ROUTE_TABLE, **place.table().spec)
        moved = place.row(SUBNET_ID, SUBNET, vpc_id=VPC_ID, cidr_block="10.4.1.0/24", table_id=TABLE_ID)
        assert place.drift(moved) != ""
        place.change(moved)
        place.change(moved)
        assert place.drift(moved) == ""
        place.remove(moved)
        place.remove(table)

    def test_subnet_waits_for_the_main_table(self, place):
        subnet = place.make(SUBNET_ID, SUBNET, vpc_id=VPC_ID, cidr_block="10.4.1.0/24")
        del place.rows[MAIN_ID]
        with pytest.raises(AgainLaterError, match="not ready yet"):
            place.change(subnet)


def test_hundred_gateways_are_seen_in_two_calls_and_one_read():
    client, reads = FakeEc2(FakeClock(), gateway_limit=100), []
    place = Place(client)
    rows = [
        place.row(f"019ac1e5-7d00-7000-8000-{number:012x}", INTERNET_GATEWAY, vpc_id=VPC_ID) for number in range(100)
    ]
    find = lambda tenant, ids: reads.append((tenant, ids)) or []  # noqa: E731
    driver = InternetGatewayDriver(client, STAGE, find, lambda _tenant, _scope: {})
    driver.create(rows[0])
    client.calls.clear()
    assert [each.seen for each in driver.observe(rows).values()].count(Seen.MISSING) == 99
    assert [operation for operation, _ in client.calls] == ["DescribeInternetGateways", "DescribeRouteTables"]
    assert reads == [("tenant-1", [VPC_ID, MAIN_ID])]
