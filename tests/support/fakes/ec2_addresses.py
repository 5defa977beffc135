"""Elastic IPs at the strict EC2: had by one thing at a time, released only when they are free.

Sources: EC2 API reference (AllocateAddress, AssociateAddress, DisassociateAddress, ReleaseAddress, DescribeAddresses),
EC2 developer guide (error codes).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.ec2_network import NetworkCalls, Part, fits, refuse

Json = dict[str, Any]

ADDRESS = "elastic-ip"
_ON = {"running", "stopped"}


@dataclass(frozen=True)
class Association:
    """Since then an address is with this machine or interface; with neither, it is free."""

    since: datetime
    id: str = ""
    machine: str = ""
    interface: str = ""


@dataclass(kw_only=True)
class AddressCalls(NetworkCalls):
    """The part of the SDK's client for addresses. ``address_limit`` is the quota of the account."""

    address_limit: int = 5
    associations: dict[str, list[Association]] = field(default_factory=dict)
    """Those of each address, one after another."""
    machines: dict[str, Any] = field(default_factory=dict)

    def machine_of(self, address_id: str) -> str:
        """The machine that has an address now; "" for none."""
        return self._association(self.parts[address_id], self.clock.now()).machine

    def has_gateway(self, vpc_id: str) -> bool:
        """Whether an internet gateway is attached to a VPC."""
        return any(each.vpc == vpc_id for each in self.alive_parts("internet-gateway"))

    def addresses_in_use(self) -> set[str]:
        """The addresses that something has now."""
        now = self.clock.now()
        return {each.id for each in self.alive_parts(ADDRESS) if self._association(each, now).id}

    def public_ip_of(self, machine_id: str, at: datetime) -> str:
        """The address of a machine at a time; "" for none."""
        had = [each for each in self.alive_parts(ADDRESS) if self._association(each, at).machine == machine_id]
        return had[0].shown["PublicIp"] if had else ""

    def take_address(self, address_id: str) -> None:
        """Somebody with a console takes an address from where it is."""
        self.associations[address_id].append(Association(self.clock.now()))

    def occupy(self, address_id: str) -> None:
        """Something else than a machine, such as a NAT gateway, gets an address."""
        self._give(self.parts[address_id], interface=f"eni-{next(self._numbers):017x}")

    def allocate_address(self, **request: Any) -> Json:
        def make() -> Json:
            number = len([each for each in self.parts.values() if each.kind == ADDRESS])
            if len(self.alive_parts(ADDRESS)) >= self.address_limit:
                refuse("AddressLimitExceeded", "AllocateAddress")
            shown = {"PublicIp": f"203.0.113.{number + 1}", "Domain": request["Domain"]}
            made = self._made(ADDRESS, "AllocationId", request, shown)
            self.associations[made["AllocationId"]] = []
            return made

        return self._do("AllocateAddress", request, make)

    def describe_addresses(self, **request: Any) -> Json:
        def describe() -> Json:
            seen = self.clock.now() - timedelta(seconds=self.lag_seconds)
            there = [each for each in self.parts.values() if each.kind == ADDRESS and each.is_there(seen)]
            found = [each for each in there if all(fits(each, one) for one in request.get("Filters", ()))]
            return {"Addresses": [self._address_shown(each, seen) for each in found]}

        return self._do("DescribeAddresses", request, describe)

    def associate_address(self, **request: Any) -> Json:
        def associate() -> Json:
            now = self.clock.now()
            address = self._address(request["AllocationId"], "AssociateAddress")
            machine = self.machines.get(request["InstanceId"])
            if machine is None or machine.state(now) == "terminated" or self.is_new(machine.states[0][0]):
                refuse("InvalidInstanceID.NotFound", "AssociateAddress")
            self._allow(machine.tags, "AssociateAddress")
            if machine.state(now) not in _ON:
                refuse("InvalidInstanceID", "AssociateAddress")
            subnet = self.parts.get(machine.request["SubnetId"])
            if subnet is not None and not self.has_gateway(subnet.vpc):
                refuse("Gateway.NotAttached", "AssociateAddress")
            held = self._association(address, now)
            if held.machine == machine.id:
                return {"AssociationId": held.id}
            if held.id and not request.get("AllowReassociation", True):
                refuse("Resource.AlreadyAssociated", "AssociateAddress")
            for other in self.alive_parts(ADDRESS):
                if self._association(other, now).machine == machine.id:
                    self.take_address(other.id)
            return {"AssociationId": self._give(address, machine=machine.id)}

        return self._do("AssociateAddress", request, associate)

    def disassociate_address(self, **request: Any) -> Json:
        def disassociate() -> Json:
            now = self.clock.now()
            held = {self._association(each, now).id: each for each in self.alive_parts(ADDRESS)}
            address = held.get(request["AssociationId"])
            if address is None:
                refuse("InvalidAssociationID.NotFound", "DisassociateAddress")
            self._allow(address.tags, "DisassociateAddress")
            if not self._association(address, now).machine:
                refuse("AuthFailure", "DisassociateAddress")
            self.take_address(address.id)
            return {}

        return self._do("DisassociateAddress", request, disassociate)

    def release_address(self, **request: Any) -> Json:
        def release() -> Json:
            address = self._address(request["AllocationId"], "ReleaseAddress")
            if self._association(address, self.clock.now()).id:
                refuse("InvalidIPAddress.InUse", "ReleaseAddress")
            return self._removed(address.id, "InvalidAllocationID.NotFound")

        return self._do("ReleaseAddress", request, release)

    def _give(self, address: Part, **with_what: str) -> str:
        association_id = f"eipassoc-{next(self._numbers):017x}"
        self.associations[address.id].append(Association(self.clock.now(), association_id, **with_what))
        return association_id

    def _address(self, address_id: str, operation: str) -> Part:
        address = self._part(address_id, "InvalidAllocationID.NotFound", operation)
        self._allow(address.tags, operation)
        return address

    def _association(self, address: Part, at: datetime) -> Association:
        """With what an address is at a time: with nothing, if that has ended."""
        held = [each for each in self.associations[address.id] if each.since <= at]
        last = held[-1] if held else Association(at)
        machine = self.machines.get(last.machine)
        return Association(at) if machine is not None and machine.state(at) == "terminated" else last

    def _address_shown(self, address: Part, at: datetime) -> Json:
        held = self._association(address, at)
        shown = {"AssociationId": held.id, "InstanceId": held.machine, "NetworkInterfaceId": held.interface}
        tags = [{"Key": key, "Value": value} for key, value in address.tags.items()]
        return {**address.shown, **{name: value for name, value in shown.items() if value}, "Tags": tags}

    def _allow(self, tags: dict[str, str], operation: str) -> None:
        if tags.get(STAGE_TAG) != self.stage:
            refuse("UnauthorizedOperation", operation, 403)
