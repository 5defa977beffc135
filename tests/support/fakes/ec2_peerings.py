"""Peerings of VPCs at the strict EC2: they wait for an answer, for seven days, and end by their states.

Sources: EC2 API reference (CreateVpcPeeringConnection, AcceptVpcPeeringConnection, DeleteVpcPeeringConnection), Amazon
VPC peering guide, "VPC peering connection lifecycle".
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.ec2_network import NetworkCalls, Part, refuse

Json = dict[str, Any]

PEERING = "vpc-peering-connection"
EXPIRES_AFTER = timedelta(days=7)
_MOMENT = timedelta(seconds=3)
_SHOWN_FOR = timedelta(hours=2)
_MISSING = "InvalidVpcPeeringConnectionID.NotFound"
_THERE = frozenset({"initiating-request", "pending-acceptance", "provisioning", "active"})


@dataclass(kw_only=True)
class PeeringCalls(NetworkCalls):
    """The part of the SDK's client for peerings. ``peering_states`` has those of each, with the times from which they
    hold, some in the future."""

    peering_states: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)

    def peering_state(self, peering_id: str) -> str:
        """The state of a peering now."""
        return self._state_at(peering_id, self.clock.now())

    def become(self, peering_id: str, *states: str) -> None:
        """From now on a peering has these states, one after another, and none that it was to have."""
        now = self.clock.now()
        held = [each for each in self.peering_states.get(peering_id, ()) if each[0] <= now]
        coming = [(now + number * _MOMENT, state) for number, state in enumerate(states)]
        self.peering_states[peering_id] = [*held, *coming]

    def peerings_there(self) -> list[Part]:
        """Those of which something is left."""
        return [each for each in self.alive_parts(PEERING) if self.peering_state(each.id) in _THERE]

    def create_vpc_peering_connection(self, **request: Any) -> Json:
        def make() -> Json:
            sides = [self._part(request[name], "InvalidVpcID.NotFound", PEERING) for name in ("VpcId", "PeerVpcId")]
            if sides[0].tags.get(STAGE_TAG) != self.stage:
                refuse("UnauthorizedOperation", "CreateVpcPeeringConnection", 403)
            if sides[0] is sides[1]:
                refuse("InvalidParameterValue", "CreateVpcPeeringConnection")
            infos = [{"VpcId": each.id} for each in sides]
            shown = {"RequesterVpcInfo": infos[0], "AccepterVpcInfo": infos[1]}
            if any({infos[0]["VpcId"], infos[1]["VpcId"]} == _sides(each) for each in self.peerings_there()):
                refuse("VpcPeeringConnectionAlreadyExists", "CreateVpcPeeringConnection")
            made = self._made(PEERING, "VpcPeeringConnectionId", request, shown)
            peering = self.parts[made["VpcPeeringConnectionId"]]
            blocks = [IPv4Network(each.shown["CidrBlock"]) for each in sides]
            if blocks[0].overlaps(blocks[1]):
                self.become(peering.id, "initiating-request", "failed")
            else:
                self.become(peering.id, "initiating-request", "pending-acceptance")
                self.peering_states[peering.id].append((self.clock.now() + EXPIRES_AFTER, "expired"))
            return {"VpcPeeringConnection": self._part_shown(peering, self.clock.now())}

        return self._do("CreateVpcPeeringConnection", request, make)

    def describe_vpc_peering_connections(self, **request: Any) -> Json:
        return self._do(
            "DescribeVpcPeeringConnections",
            request,
            lambda: self._parts_described(PEERING, "VpcPeeringConnections", request),
        )

    def accept_vpc_peering_connection(self, **request: Any) -> Json:
        def accept() -> Json:
            peering = self._peering(request, "AcceptVpcPeeringConnection")
            if self.peering_state(peering.id) != "pending-acceptance":
                refuse("InvalidStateTransition", "AcceptVpcPeeringConnection")
            self.become(peering.id, "provisioning", "active")
            return {"VpcPeeringConnection": self._part_shown(peering, self.clock.now())}

        return self._do("AcceptVpcPeeringConnection", request, accept)

    def delete_vpc_peering_connection(self, **request: Any) -> Json:
        def delete() -> Json:
            peering = self._peering(request, "DeleteVpcPeeringConnection")
            if self.peering_state(peering.id) not in _THERE:
                refuse("InvalidStateTransition", "DeleteVpcPeeringConnection")
            self.become(peering.id, "deleting", "deleted")
            peering.gone_at = self.clock.now() + _SHOWN_FOR
            return {"Return": True}

        return self._do("DeleteVpcPeeringConnection", request, delete)

    def _peering(self, request: Json, operation: str) -> Part:
        peering = self._part(request["VpcPeeringConnectionId"], _MISSING, operation)
        if peering.tags.get(STAGE_TAG) != self.stage:
            refuse("UnauthorizedOperation", operation, 403)
        return peering

    def _part_shown(self, part: Part, at: datetime) -> Json:
        shown = super()._part_shown(part, at)
        return {**shown, "Status": {"Code": self._state_at(part.id, at)}} if part.kind == PEERING else shown

    def _state_at(self, peering_id: str, at: datetime) -> str:
        held = [state for since, state in self.peering_states.get(peering_id, ()) if since <= at]
        return held[-1] if held else "initiating-request"


def _sides(peering: Part) -> set[str]:
    return {peering.shown[name]["VpcId"] for name in ("RequesterVpcInfo", "AccepterVpcInfo")}
