"""Internet gateways and route tables at the strict EC2. Attachments, associations and routes are described late.

Sources: EC2 API reference (AttachInternetGateway, CreateRoute, AssociateRouteTable, ReplaceRouteTableAssociation), EC2
developer guide (error codes), Amazon VPC user guide (route tables).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.ec2_network import Json, NetworkCalls, Part, refuse

TARGETS = {
    "GatewayId": "InvalidGatewayID.NotFound",
    "NatGatewayId": "InvalidNatGatewayID.NotFound",
    "VpcPeeringConnectionId": "InvalidVpcPeeringConnectionID.NotFound",
}
"""The parameters of a route's target, and the errors for one that is not there."""

_NO_TABLE, _NO_GATEWAY = "InvalidRouteTableID.NotFound", "InvalidInternetGatewayID.NotFound"


@dataclass(kw_only=True)
class RoutingCalls(NetworkCalls):
    """The part of the SDK's client for gateways and tables. ``gateway_limit`` is a quota of the account; ``connected``
    has, by part, what it is connected to, with the times from which that holds: VPCs of a gateway, routes and
    associations of a table."""

    gateway_limit: int = 5
    connected: dict[str, list[tuple[datetime, Json]]] = field(default_factory=dict)
    _made_by_token: dict[str, tuple[str, Json]] = field(default_factory=dict)

    # -- internet gateways -----------------------------------------------------------------------------------------

    def create_internet_gateway(self, **request: Any) -> Json:
        def make() -> Json:
            if len(self.alive_parts("internet-gateway")) >= self.gateway_limit:
                refuse("InternetGatewayLimitExceeded", "CreateInternetGateway")
            shown = self._made("internet-gateway", "InternetGatewayId", request, {})
            self._connect(shown["InternetGatewayId"], {"Attachments": []})
            return {"InternetGateway": {**shown, "Attachments": []}}

        return self._do("CreateInternetGateway", request, make)

    def describe_internet_gateways(self, **request: Any) -> Json:
        shown = lambda: self._parts_described("internet-gateway", "InternetGateways", request)  # noqa: E731
        return self._do("DescribeInternetGateways", request, shown)

    def attach_internet_gateway(self, **request: Any) -> Json:
        def attach() -> Json:
            gateway = self._ours(request["InternetGatewayId"], _NO_GATEWAY, "AttachInternetGateway")
            vpc = self._ours(request["VpcId"], "InvalidVpcID.NotFound", "AttachInternetGateway")
            if gateway.vpc:
                refuse("Resource.AlreadyAssociated", "AttachInternetGateway")
            if any(each.vpc == vpc.id for each in self.alive_parts("internet-gateway")):
                refuse("InvalidParameterValue", "AttachInternetGateway")
            gateway.vpc = vpc.id
            self._connect(gateway.id, {"Attachments": [{"State": "available", "VpcId": vpc.id}]})
            return {}

        return self._do("AttachInternetGateway", request, attach)

    def detach_internet_gateway(self, **request: Any) -> Json:
        def detach() -> Json:
            gateway = self._ours(request["InternetGatewayId"], _NO_GATEWAY, "DetachInternetGateway")
            if gateway.vpc != request["VpcId"]:
                refuse("Gateway.NotAttached", "DetachInternetGateway")
            if gateway.id in self.held_by:
                refuse("DependencyViolation", "DetachInternetGateway")
            gateway.vpc = ""
            self._connect(gateway.id, {"Attachments": []})
            return {}

        return self._do("DetachInternetGateway", request, detach)

    def delete_internet_gateway(self, **request: Any) -> Json:
        return self._do(
            "DeleteInternetGateway", request, lambda: self._removed(request["InternetGatewayId"], _NO_GATEWAY)
        )

    # -- route tables ----------------------------------------------------------------------------------------------

    def create_route_table(self, **request: Any) -> Json:
        def make() -> Json:
            token = request.get("ClientToken", "")
            if token in self._made_by_token:
                table_id, before = self._made_by_token[token]
                if before != request:
                    refuse("IdempotentParameterMismatch", "CreateRouteTable")
                return {"RouteTable": self._part_shown(self.parts[table_id], self.clock.now())}
            vpc = self._part(request["VpcId"], "InvalidVpcID.NotFound", "CreateRouteTable")
            shown = self._made("route-table", "RouteTableId", request, {"VpcId": vpc.id}, vpc.id)
            local = {"DestinationCidrBlock": vpc.shown["CidrBlock"], "GatewayId": "local", "Origin": "CreateRouteTable"}
            self._connect(shown["RouteTableId"], {"Routes": [local], "Associations": []})
            self._made_by_token[token] = (shown["RouteTableId"], request)
            return {"RouteTable": shown}

        return self._do("CreateRouteTable", request, make)

    def describe_route_tables(self, **request: Any) -> Json:
        return self._do(
            "DescribeRouteTables", request, lambda: self._parts_described("route-table", "RouteTables", request)
        )

    def delete_route_table(self, **request: Any) -> Json:
        return self._do("DeleteRouteTable", request, lambda: self._removed(request["RouteTableId"], _NO_TABLE))

    def create_route(self, **request: Any) -> Json:
        def add(table: Part, now: Json) -> Json:
            self._check_route(table, request, "CreateRoute")
            if any(each["DestinationCidrBlock"] == request["DestinationCidrBlock"] for each in now["Routes"]):
                refuse("RouteAlreadyExists", "CreateRoute")
            if len(now["Routes"]) > 50:
                refuse("RouteLimitExceeded", "CreateRoute")
            return {**now, "Routes": [*now["Routes"], _route_of(request)]}

        return self._routed("CreateRoute", request, add)

    def replace_route(self, **request: Any) -> Json:
        def replace(table: Part, now: Json) -> Json:
            self._check_route(table, request, "ReplaceRoute")
            others = [each for each in now["Routes"] if each["DestinationCidrBlock"] != request["DestinationCidrBlock"]]
            if len(others) == len(now["Routes"]):
                refuse("InvalidParameterValue", "ReplaceRoute")
            return {**now, "Routes": [*others, _route_of(request)]}

        return self._routed("ReplaceRoute", request, replace)

    def delete_route(self, **request: Any) -> Json:
        def remove(_table: Part, now: Json) -> Json:
            kept = [each for each in now["Routes"] if each["DestinationCidrBlock"] != request["DestinationCidrBlock"]]
            if len(kept) == len(now["Routes"]):
                refuse("InvalidRoute.NotFound", "DeleteRoute")
            if all(each["GatewayId"] != "local" for each in kept if "GatewayId" in each):
                refuse("InvalidParameterValue", "DeleteRoute")
            return {**now, "Routes": kept}

        return self._routed("DeleteRoute", request, remove)

    def associate_route_table(self, **request: Any) -> Json:
        def associate() -> Json:
            table = self._ours(request["RouteTableId"], _NO_TABLE, "AssociateRouteTable")
            subnet = self._ours(request["SubnetId"], "InvalidSubnetID.NotFound", "AssociateRouteTable")
            if subnet.vpc != table.vpc:
                refuse("InvalidParameterValue", "AssociateRouteTable")
            if any(each["SubnetId"] == subnet.id for _, each in self._associations()):
                refuse("Resource.AlreadyAssociated", "AssociateRouteTable")
            return {"AssociationId": self._give_table(table.id, subnet.id)}

        return self._do("AssociateRouteTable", request, associate)

    def replace_route_table_association(self, **request: Any) -> Json:
        def replace() -> Json:
            table = self._ours(request["RouteTableId"], _NO_TABLE, "ReplaceRouteTableAssociation")
            subnet = self._take_table(request["AssociationId"], "ReplaceRouteTableAssociation")
            if self.parts[subnet].vpc != table.vpc:
                refuse("InvalidParameterValue", "ReplaceRouteTableAssociation")
            return {"NewAssociationId": self._give_table(table.id, subnet)}

        return self._do("ReplaceRouteTableAssociation", request, replace)

    def disassociate_route_table(self, **request: Any) -> Json:
        def dissolve() -> Json:
            self._take_table(request["AssociationId"], "DisassociateRouteTable")
            return {}

        return self._do("DisassociateRouteTable", request, dissolve)

    # -- what tests see --------------------------------------------------------------------------------------------

    def routes_of(self, table_id: str) -> dict[str, str]:
        """The targets of a table's routes by destination, without the local one."""
        routes = self._now(table_id)["Routes"]
        found = {each["DestinationCidrBlock"]: next(each[name] for name in TARGETS if name in each) for each in routes}
        return {to: target for to, target in found.items() if target != "local"}

    def table_of(self, subnet_id: str) -> str:
        """The table that a subnet has; "" for the one that AWS has made."""
        return next((table for table, each in self._associations() if each["SubnetId"] == subnet_id), "")

    # -- inside ----------------------------------------------------------------------------------------------------

    def _part_shown(self, part: Part, at: datetime) -> Json:
        held = [value for since, value in self.connected.get(part.id, ()) if since <= at]
        first = [value for _, value in self.connected.get(part.id, ())[:1]]
        return {**super()._part_shown(part, at), **(held or first or [{}])[-1]}

    def _filtered(self, part: Part, name: str, at: datetime) -> set[str] | None:
        shown = self._part_shown(part, at)
        match part.kind, name:
            case "internet-gateway", "internet-gateway-id":
                return {part.id}
            case "route-table", "route-table-id":
                return {part.id}
            case "route-table", "route.gateway-id":
                return {each["GatewayId"] for each in shown["Routes"] if "GatewayId" in each}
            case "route-table", "association.subnet-id":
                return {each["SubnetId"] for each in shown["Associations"]}
        return super()._filtered(part, name, at)

    def _removed(self, part_id: str, missing: str) -> Json:
        part = self._part(part_id, missing, "Delete")
        is_attached = part.kind == "internet-gateway" and part.vpc
        is_associated = part.kind == "route-table" and self._now(part_id)["Associations"]
        if is_attached or is_associated:
            refuse("DependencyViolation", "Delete")
        answer = super()._removed(part_id, missing)
        for _, each in list(self._associations()):
            if each["SubnetId"] == part_id:
                self._take_table(each["RouteTableAssociationId"], "Delete")
        return answer

    def _ours(self, part_id: str, missing: str, operation: str) -> Part:
        part = self._part(part_id, missing, operation)
        if part.tags.get(STAGE_TAG) != self.stage:
            refuse("UnauthorizedOperation", operation, 403)
        return part

    def _now(self, part_id: str) -> Json:
        return self.connected[part_id][-1][1]

    def _connect(self, part_id: str, value: Json) -> None:
        self.connected.setdefault(part_id, []).append((self.clock.now(), value))

    def _routed(self, operation: str, request: Json, change: Callable[[Part, Json], Json]) -> Json:
        def do() -> Json:
            table = self._ours(request["RouteTableId"], _NO_TABLE, operation)
            self._connect(table.id, change(table, self._now(table.id)))
            return {"Return": True}

        return self._do(operation, request, do)

    def _check_route(self, table: Part, request: Json, operation: str) -> None:
        (name,) = [each for each in TARGETS if each in request]
        target = self._part(request[name], TARGETS[name], operation)
        if target.kind == "internet-gateway" and target.vpc != table.vpc:
            refuse("InvalidParameterValue", operation)
        own = IPv4Network(self.parts[table.vpc].shown["CidrBlock"])
        if IPv4Network(request["DestinationCidrBlock"]).subnet_of(own):
            refuse("InvalidParameterValue", operation)

    def _associations(self) -> list[tuple[str, Json]]:
        """All associations with their tables."""
        tables = [each.id for each in self.alive_parts("route-table")]
        return [(table, each) for table in tables for each in self._now(table)["Associations"]]

    def _give_table(self, table_id: str, subnet_id: str) -> str:
        association_id = f"rtbassoc-{next(self._numbers):017x}"
        made = {
            "RouteTableAssociationId": association_id,
            "RouteTableId": table_id,
            "SubnetId": subnet_id,
            "Main": False,
        }
        now = self._now(table_id)
        self._connect(table_id, {**now, "Associations": [*now["Associations"], made]})
        return association_id

    def _take_table(self, association_id: str, operation: str) -> str:
        """Take an association away; returns its subnet."""
        known = {each["RouteTableAssociationId"]: (table, each["SubnetId"]) for table, each in self._associations()}
        if association_id not in known:
            refuse("InvalidAssociationID.NotFound", operation)
        table, subnet = known[association_id]
        self._ours(table, _NO_TABLE, operation)
        now = self._now(table)
        kept = [one for one in now["Associations"] if one["RouteTableAssociationId"] != association_id]
        self._connect(table, {**now, "Associations": kept})
        return str(subnet)


def _route_of(request: Json) -> Json:
    (name,) = [each for each in TARGETS if each in request]
    return {
        "DestinationCidrBlock": request["DestinationCidrBlock"],
        name: request[name],
        "Origin": "CreateRoute",
        "State": "active",
    }
