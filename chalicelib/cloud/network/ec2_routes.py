"""The calls of EC2 on route tables that several drivers make: which tables there are, and single routes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.cloud.ec2_things import FindResources, Json
from chalicelib.cloud.network.names import main_table_of, routes_of
from chalicelib.cloud.network.routing_errors import NO_ROUTE, ROUTE_EXISTS, ROUTING_ERRORS
from chalicelib.cloud.network.routing_model import TargetType
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, STAGE_TAG, TENANT_TAG, filter_by, tags_of
from chalicelib.platform.provisioning.model import Resource, State
from chalicelib.platform.provisioning.ports import AgainLaterError, RefusedError
from chalicelib.platform.provisioning.store import EXTERNAL_ID

TABLES_AT_ONCE = 100
"""The most route tables of one answer (EC2 API reference, DescribeRouteTables): fewer than of other things."""

Claims = Callable[[str, str], Mapping[str, str]]
"""A tenant and a scope -> the holders of its claims, by name."""

PARAMETERS = {
    TargetType.IGW: "GatewayId",
    TargetType.NAT: "NatGatewayId",
    TargetType.PEERING: "VpcPeeringConnectionId",
}
"""The name at EC2 of the id of each target, in requests and in descriptions."""


_FILTERS = {
    TargetType.IGW: "route.gateway-id",
    TargetType.NAT: "route.nat-gateway-id",
    TargetType.PEERING: "route.vpc-peering-connection-id",
}


class Way(NamedTuple):
    """A route to a target: its VPC, table and destination at EC2, with the tenant and the id of the table's row."""

    vpc: str
    table: str
    destination: str
    tenant: str
    row: str


class RouteCalls:
    """``client`` is botocore's of EC2; ``stage`` is the value of the tag of this installation."""

    def __init__(self, client: Any, stage: str) -> None:
        self._client = client
        self._stage = stage

    def tables(self, name: str, values: Sequence[str]) -> Iterator[Json]:
        """The route tables of this installation that a filter finds by any of these values."""
        if not values:
            return
        filters = [filter_by(f"tag:{STAGE_TAG}", [self._stage]), filter_by(name, values)]
        more: dict[str, Any] = {}
        while True:
            with ROUTING_ERRORS.sorted():
                page = self._client.describe_route_tables(Filters=filters, MaxResults=TABLES_AT_ONCE, **more)
            yield from page["RouteTables"]
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def ways(self, target_type: TargetType, targets: Sequence[str]) -> Mapping[str, list[Way]]:
        """The routes that lead to each of these targets, in one call."""
        ways: defaultdict[str, list[Way]] = defaultdict(list)
        for table in self.tables(_FILTERS[target_type], targets):
            tags = tags_of(table)
            for destination, target in routes_in(table).items():
                at_ec2 = str(table["VpcId"]), str(table["RouteTableId"]), destination
                ways[target].append(Way(*at_ec2, tags.get(TENANT_TAG, ""), tags.get(RESOURCE_TAG, "")))
        return ways

    def release(self, ways: Iterable[Way], claims: Claims) -> None:
        """Remove routes whose maker has given their claims back. One to a destination that has been claimed since is
        its new holder's, who replaces it. ``claims`` reads the claims of a scope."""
        for way in ways:
            if way.destination not in claims(way.tenant, routes_of(way.row)):
                self.remove(way.table, way.destination)

    def lead(self, table: str, destination: str, target_type: TargetType, target: str) -> None:
        """Have a destination lead to a target, in place of the one that a former holder of its claim has left."""
        route = {"RouteTableId": table, "DestinationCidrBlock": destination, PARAMETERS[target_type]: target}
        with ROUTING_ERRORS.sorted():
            try:
                with calling():
                    self._client.create_route(**route)
            except CallRefusedError as error:
                if error.code != ROUTE_EXISTS:
                    raise
                self._client.replace_route(**route)

    def remove(self, table: str, destination: str) -> None:
        """Remove a route; one that is not there is no error."""
        with ROUTING_ERRORS.sorted():
            try:
                with calling():
                    self._client.delete_route(RouteTableId=table, DestinationCidrBlock=destination)
            except CallRefusedError as error:
                if error.code != NO_ROUTE:
                    raise


def routes_in(table: Json) -> dict[str, str]:
    """The routes of a table as EC2 describes it: the ids of their targets by destination. Without the one to the VPC's
    own addresses, and those that AWS has made."""
    return {
        str(route["DestinationCidrBlock"]): _target_of(route)
        for route in table.get("Routes", ())
        if route.get("Origin") == "CreateRoute" and "DestinationCidrBlock" in route
    }


def subnets_in(table: Json) -> dict[str, str]:
    """The subnets that are associated with a table: the ids of the associations by those of subnets."""
    return {
        str(each["SubnetId"]): str(each["RouteTableAssociationId"])
        for each in table.get("Associations", ())
        if "SubnetId" in each and each.get("AssociationState", {}).get("State") not in _ENDED
    }


def rows_of(find: FindResources, wanted: Iterable[tuple[str, str]]) -> Mapping[str, Resource]:
    """The resources of these tenants and ids, by id: one read for each tenant."""
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for tenant, resource_id in wanted:
        ids[tenant].add(resource_id)
    return {row.id: row for tenant, own in ids.items() for row in find(tenant, sorted(own))}


def id_at_ec2(row: Resource | None) -> str:
    """The id at EC2 of a resource; "" if it has none yet."""
    return "" if row is None else row.external.get(EXTERNAL_ID, "")


def main_table_at_ec2(find: FindResources, tenant: str, vpc_id: str) -> str:
    """The id at EC2 of a VPC's main route table. Raises `AgainLaterError` until it is there, and `RefusedError` if it
    never will be."""
    row = next(iter(find(tenant, [main_table_of(vpc_id)])), None)
    if row is not None and row.state in {State.FAILED, State.GONE}:
        raise RefusedError("the main route table of the VPC has failed or is gone: make another VPC")
    if row is None or row.state not in {State.READY, State.CHANGING}:
        raise AgainLaterError("the main route table of the VPC is not ready yet", nothing_done=True)
    return id_at_ec2(row)


def _target_of(route: Json) -> str:
    return next((str(route[name]) for name in PARAMETERS.values() if route.get(name)), "")


_ENDED = frozenset({"disassociating", "disassociated", "failed"})
