"""Networks at the strict EC2: VPCs and their parts appear late, hold AWS's rules, and go in their order.

Sources: EC2 API reference (CreateVpc, CreateSubnet, DeleteVpc, DeleteSubnet), EC2 developer guide (error codes), Amazon
VPC quotas.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from itertools import count
from typing import Any, NoReturn

from botocore.exceptions import ClientError

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.clock import FakeClock

Json = dict[str, Any]

ZONES = ("eu-central-1a", "eu-central-1b")


@dataclass
class Part:
    """A VPC or a subnet. ``shown`` are the fields of its description, ``vpc`` the VPC that it is in."""

    id: str
    kind: str
    tags: dict[str, str]
    shown: Json
    made_at: datetime
    vpc: str = ""
    gone_at: datetime | None = None

    def is_there(self, at: datetime) -> bool:
        return self.made_at <= at and (self.gone_at is None or self.gone_at > at)


@dataclass(kw_only=True)
class NetworkCalls:
    """The part of the SDK's client for networks. ``vpc_limit`` and ``subnet_limit`` are quotas of the account."""

    vpc_limit: int = 5
    subnet_limit: int = 200
    page_size: int = 2
    """The most parts of one answer; EC2's is 1,000, and the default lets every list have several pages."""
    vpc_seconds: float = 0
    """How long a new VPC is pending."""
    parts: dict[str, Part] = field(default_factory=dict)
    held_by: set[str] = field(default_factory=set)
    """Parts that something outside of this installation uses."""
    most_parts: dict[str, int] = field(default_factory=dict)
    """The most parts that a resource ever had at a time, by the tag."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    clock: FakeClock
    stage: str = ""
    lag_seconds: float = 0

    def _do(self, operation: str, request: Json, call: Callable[[], Json]) -> Json:
        raise NotImplementedError

    def alive_parts(self, kind: str = "") -> list[Part]:
        """The parts that are there."""
        return [each for each in self.parts.values() if each.gone_at is None and kind in {"", each.kind}]

    def create_vpc(self, **request: Any) -> Json:
        def make() -> Json:
            block = IPv4Network(request["CidrBlock"])
            if not 16 <= block.prefixlen <= 28:
                refuse("InvalidVpc.Range", "CreateVpc")
            if len(self.alive_parts("vpc")) >= self.vpc_limit:
                refuse("VpcLimitExceeded", "CreateVpc")
            return {"Vpc": self._made("vpc", "VpcId", request, {"CidrBlock": str(block), "IsDefault": False})}

        return self._do("CreateVpc", request, make)

    def create_subnet(self, **request: Any) -> Json:
        def make() -> Json:
            vpc = self._part(request["VpcId"], "InvalidVpcID.NotFound", "CreateSubnet")
            block = IPv4Network(request["CidrBlock"])
            siblings = [each for each in self.alive_parts("subnet") if each.vpc == vpc.id]
            if not block.subnet_of(IPv4Network(vpc.shown["CidrBlock"])):
                refuse("InvalidSubnet.Range", "CreateSubnet")
            if any(block.overlaps(IPv4Network(each.shown["CidrBlock"])) for each in siblings):
                refuse("InvalidSubnet.Conflict", "CreateSubnet")
            if len(siblings) >= self.subnet_limit:
                refuse("SubnetLimitExceeded", "CreateSubnet")
            zone = request.get("AvailabilityZone", ZONES[0])
            if zone not in ZONES:
                refuse("InvalidParameterValue", "CreateSubnet")
            shown = {"CidrBlock": str(block), "VpcId": vpc.id, "AvailabilityZone": zone}
            return {"Subnet": self._made("subnet", "SubnetId", request, shown, vpc.id)}

        return self._do("CreateSubnet", request, make)

    def describe_vpcs(self, **request: Any) -> Json:
        return self._do("DescribeVpcs", request, lambda: self._parts_described("vpc", "Vpcs", request))

    def describe_subnets(self, **request: Any) -> Json:
        return self._do("DescribeSubnets", request, lambda: self._parts_described("subnet", "Subnets", request))

    def delete_vpc(self, **request: Any) -> Json:
        return self._do("DeleteVpc", request, lambda: self._removed(request["VpcId"], "InvalidVpcID.NotFound"))

    def delete_subnet(self, **request: Any) -> Json:
        return self._do("DeleteSubnet", request, lambda: self._removed(request["SubnetId"], "InvalidSubnetID.NotFound"))

    def _made(self, kind: str, id_name: str, request: Json, shown: Json, vpc: str = "") -> Json:
        (given,) = [each for each in request["TagSpecifications"] if each["ResourceType"] == kind]
        tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
        if tags.get(STAGE_TAG) != self.stage or (vpc and self.parts[vpc].tags.get(STAGE_TAG) != self.stage):
            refuse("UnauthorizedOperation", "CreateTags", 403)
        part_id = f"{kind}-{next(self._numbers):017x}"
        part = Part(part_id, kind, tags, {**shown, id_name: part_id}, self.clock.now(), vpc)
        self.parts[part_id] = part
        same = [each for each in self.alive_parts(kind) if each.tags == tags]
        self.most_parts[str(tags)] = max(len(same), self.most_parts.get(str(tags), 0))
        return self._part_shown(part, self.clock.now())

    def _removed(self, part_id: str, missing: str) -> Json:
        part = self._part(part_id, missing, "Delete")
        if part.tags.get(STAGE_TAG) != self.stage:
            refuse("UnauthorizedOperation", "Delete", 403)
        if part_id in self.held_by or any(each.vpc == part_id for each in self.alive_parts()):
            refuse("DependencyViolation", "Delete")
        part.gone_at = self.clock.now()
        return {}

    def _parts_described(self, kind: str, many: str, request: Json) -> Json:
        seen = self.clock.now() - timedelta(seconds=self.lag_seconds)
        known = [each for each in self.parts.values() if each.kind == kind and each.is_there(seen)]
        found = [each for each in known if all(self._fits(each, one, seen) for one in request.get("Filters", ()))]
        start = int(request.get("NextToken", "0"))
        more = {"NextToken": str(start + self.page_size)} if start + self.page_size < len(found) else {}
        return {many: [self._part_shown(each, seen) for each in found[start : start + self.page_size]], **more}

    def _part_shown(self, part: Part, at: datetime) -> Json:
        is_pending = part.kind == "vpc" and at < part.made_at + timedelta(seconds=self.vpc_seconds)
        tags = [{"Key": key, "Value": value} for key, value in part.tags.items()]
        return {**part.shown, "State": "pending" if is_pending else "available", "Tags": tags}

    def _fits(self, part: Part, one: Json, at: datetime) -> bool:
        known = self._filtered(part, one["Name"], at)
        return fits(part, one) if known is None else not known.isdisjoint(one["Values"])

    def _filtered(self, part: Part, name: str, at: datetime) -> set[str] | None:
        """The values by which a filter finds a part; None for a filter that is not known for it."""
        del part, name, at
        return None

    def _part(self, part_id: str, missing: str, operation: str) -> Part:
        """A part that calls can name: not one that was made a moment ago."""
        part = self.parts.get(part_id)
        if part is None or part.gone_at is not None or self.is_new(part.made_at):
            refuse(missing, operation)
        return part

    def is_new(self, made_at: datetime) -> bool:
        """Whether something was made so lately that calls which name it do not find it yet."""
        return self.clock.now() < made_at + timedelta(seconds=self.lag_seconds)


def fits(part: Part, one: Json) -> bool:
    """Whether a part fits a filter."""
    if len(one["Values"]) > 200:
        refuse("FilterLimitExceeded", "Describe")
    if not one["Name"].startswith("tag:"):
        refuse("InvalidParameterValue", "Describe")
    return part.tags.get(one["Name"].removeprefix("tag:")) in one["Values"]


def refuse(code: str, operation: str, status: int = 400) -> NoReturn:
    """Raise the SDK's error for this code."""
    about: Any = {
        "Error": {"Code": code, "Message": "a text that names things of the account"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    raise ClientError(about, operation)
