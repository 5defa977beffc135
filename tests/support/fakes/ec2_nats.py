"""NAT gateways at the strict EC2: made in minutes, or failed by then.

Sources: EC2 API reference (CreateNatGateway, DescribeNatGateways, DeleteNatGateway, NatGateway), Amazon VPC user guide,
"Troubleshoot NAT gateways".
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.fakes.ec2_addresses import AddressCalls, Association
from tests.support.fakes.ec2_network import Part, refuse

Json = dict[str, Any]

NAT = "natgateway"
_SHOWN_FOR = timedelta(hours=1)
"""How long one is described that is gone, or has failed."""


@dataclass(kw_only=True)
class NatCalls(AddressCalls):
    """The part of the SDK's client for NAT gateways. ``nat_failure`` is the code with which new ones fail; "": none."""

    nat_seconds: float = 90
    """How long one is made, and how long removed."""
    nat_limit: int = 5
    nat_failure: str = ""
    nat_requests: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The part and the request of each client token."""
    nats_leaving: dict[str, datetime] = field(default_factory=dict)
    """Since when each is being removed."""
    nat_failures: dict[str, str] = field(default_factory=dict)

    def create_nat_gateway(self, **request: Any) -> Json:
        return self._do("CreateNatGateway", request, lambda: self._create_nat(request))

    def describe_nat_gateways(self, **request: Any) -> Json:
        def describe() -> Json:
            asked = {**request, "Filters": request.get("Filter", ())}
            return self._parts_described(NAT, "NatGateways", asked)

        return self._do("DescribeNatGateways", request, describe)

    def delete_nat_gateway(self, **request: Any) -> Json:
        def delete() -> Json:
            nat = self._part(request["NatGatewayId"], "NatGatewayNotFound", "DeleteNatGateway")
            self._allow(nat.tags, "DeleteNatGateway")
            self.nats_leaving.setdefault(nat.id, self.clock.now())
            ends = self.nats_leaving[nat.id] + timedelta(seconds=self.nat_seconds)
            nat.gone_at = ends + _SHOWN_FOR
            self._free(nat, ends)
            return {"NatGatewayId": nat.id}

        return self._do("DeleteNatGateway", request, delete)

    def nats_there(self) -> list[Part]:
        """Those that cost money."""
        now = self.clock.now()
        return [each for each in self.alive_parts(NAT) if self._nat_state(each, now) not in {"deleted", "failed"}]

    def _create_nat(self, request: Json) -> Json:
        asked = json.dumps(request, sort_keys=True)
        token = request.get("ClientToken", "")
        if token in self.nat_requests:
            made, before = self.nat_requests[token]
            if before != asked:
                refuse("IdempotentParameterMismatch", "CreateNatGateway")
            return {"NatGateway": self._part_shown(self.parts[made], self.clock.now())}
        subnet = self._part(request["SubnetId"], "InvalidSubnetID.NotFound", "CreateNatGateway")
        address = self._address(request["AllocationId"], "CreateNatGateway")
        if len(self.nats_there()) >= self.nat_limit:
            refuse("NatGatewayLimitExceeded", "CreateNatGateway")
        failure = self.nat_failure
        if not self.has_gateway(subnet.vpc):
            failure = "Gateway.NotAttached"
        if self._association(address, self.clock.now()).id:
            failure = "Resource.AlreadyAssociated"
        shown = {"SubnetId": subnet.id, "VpcId": subnet.vpc, "ConnectivityType": request["ConnectivityType"]}
        answer = self._made(NAT, "NatGatewayId", request, shown, subnet.id)
        nat = self.parts[answer["NatGatewayId"]]
        if failure:
            self.nat_failures[nat.id] = failure
            nat.gone_at = nat.made_at + _SHOWN_FOR
        else:
            self._give(address, interface=f"eni-of-{nat.id}")
            private = {"AllocationId": address.id, "PrivateIp": "10.4.1.23", "PublicIp": address.shown["PublicIp"]}
            nat.shown["NatGatewayAddresses"] = [private]
        self.nat_requests[token] = (nat.id, asked)
        return {"NatGateway": self._part_shown(nat, self.clock.now())}

    def _removed(self, part_id: str, missing: str) -> Json:
        if any(each.vpc == part_id for each in self.nats_there()):
            refuse("DependencyViolation", "Delete")
        return super()._removed(part_id, missing)

    def _free(self, nat: Part, at: datetime) -> None:
        """Its address is free from then on."""
        for held in self.associations.values():
            if held and held[-1].interface == f"eni-of-{nat.id}":
                held.append(Association(at))

    def _nat_state(self, nat: Part, at: datetime) -> str:
        takes = timedelta(seconds=self.nat_seconds)
        since = self.nats_leaving.get(nat.id)
        if since is not None and at >= since:
            return "deleting" if at < since + takes else "deleted"
        if at < nat.made_at + takes:
            return "pending"
        return "failed" if nat.id in self.nat_failures else "available"

    def _part_shown(self, part: Part, at: datetime) -> Json:
        shown = super()._part_shown(part, at)
        if part.kind != NAT:
            return shown
        state = self._nat_state(part, at)
        failed = {"FailureCode": self.nat_failures[part.id], "FailureMessage": "a text"} if state == "failed" else {}
        return {**shown, "State": state, **failed}
