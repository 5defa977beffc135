"""Security groups at the strict EC2: their names, their rules, which are described late, and what holds them.

Sources: EC2 API reference (CreateSecurityGroup, AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress,
DeleteSecurityGroup, IpPermission), EC2 developer guide (error codes), Amazon VPC quotas.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network
from typing import Any

from chalicelib.platform.provisioning.ec2_tags import STAGE_TAG
from tests.support.fakes.ec2_answers import refuse
from tests.support.fakes.ec2_network import NetworkCalls, Part

Json = dict[str, Any]

Rule = tuple[str, int | None, int | None, str, str]
"""A protocol, its ports, the list of targets that it is in, and the target."""

_TARGETS = {"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "PrefixListIds": "PrefixListId"}
_LISTS = {"Ingress": "IpPermissions", "Egress": "IpPermissionsEgress"}
_NOT_FOUND = "InvalidGroup.NotFound"
_MOST_OF_A_MACHINE = 5
_EVERYTHING: Rule = ("-1", None, None, "IpRanges", "0.0.0.0/0")


@dataclass(kw_only=True)
class GroupCalls(NetworkCalls):
    """The part of the SDK's client for groups. ``group_limit`` and ``rule_limit`` are quotas of the account."""

    group_limit: int = 2_500
    rule_limit: int = 60
    rules: dict[tuple[str, str], list[tuple[datetime, tuple[Rule, ...]]]] = field(default_factory=dict)
    """The rules of a group in one direction, with the times from which they hold."""

    def create_security_group(self, **request: Any) -> Json:
        def make() -> Json:
            vpc = self._part(request["VpcId"], "InvalidVpcID.NotFound", "CreateSecurityGroup")
            groups = self.alive_parts("security-group")
            if request["GroupName"].startswith("sg-") or not request["Description"]:
                refuse("InvalidParameterValue", "CreateSecurityGroup")
            if any((each.vpc, each.shown["GroupName"]) == (vpc.id, request["GroupName"]) for each in groups):
                refuse("InvalidGroup.Duplicate", "CreateSecurityGroup")
            if len(groups) >= self.group_limit:
                refuse("SecurityGroupLimitExceeded", "CreateSecurityGroup")
            shown = {name: request[name] for name in ("GroupName", "Description", "VpcId")}
            made = self._made("security-group", "GroupId", request, shown, vpc.id)
            self._become(made["GroupId"], "Ingress", ())
            self._become(made["GroupId"], "Egress", (_EVERYTHING,))
            return {"GroupId": made["GroupId"], "Tags": made["Tags"]}

        return self._do("CreateSecurityGroup", request, make)

    def describe_security_groups(self, **request: Any) -> Json:
        return self._do(
            "DescribeSecurityGroups",
            request,
            lambda: self._parts_described("security-group", "SecurityGroups", request),
        )

    def delete_security_group(self, **request: Any) -> Json:
        return self._do("DeleteSecurityGroup", request, lambda: self._removed(request["GroupId"], _NOT_FOUND))

    def authorize_security_group_ingress(self, **request: Any) -> Json:
        return self._do("AuthorizeSecurityGroupIngress", request, lambda: self._authorized("Ingress", request))

    def authorize_security_group_egress(self, **request: Any) -> Json:
        return self._do("AuthorizeSecurityGroupEgress", request, lambda: self._authorized("Egress", request))

    def revoke_security_group_ingress(self, **request: Any) -> Json:
        return self._do("RevokeSecurityGroupIngress", request, lambda: self._revoked("Ingress", request))

    def revoke_security_group_egress(self, **request: Any) -> Json:
        return self._do("RevokeSecurityGroupEgress", request, lambda: self._revoked("Egress", request))

    def rules_of(self, group_id: str, way: str) -> list[Rule]:
        """The rules that hold now."""
        return list(self.rules[group_id, way][-1][1])

    def zone_of_subnet(self, subnet_id: str) -> str:
        """The zone of a tenant's subnet, also of one that is gone."""
        return str(self.parts[subnet_id].shown["AvailabilityZone"])

    def address_in(self, subnet_id: str) -> str:
        """The address of a machine in a subnet: the first that AWS does not keep."""
        part = self.parts.get(subnet_id)
        return "10.0.0.7" if part is None else str(IPv4Network(part.shown["CidrBlock"])[4])

    def in_use(self) -> set[str]:
        """The subnets and groups of machines that are there."""
        raise NotImplementedError

    def _removed(self, part_id: str, missing: str) -> Json:
        if part_id in self.in_use():
            refuse("DependencyViolation", "Delete")
        return super()._removed(part_id, missing)

    def _check_groups(self, subnet_id: str, ids: Sequence[str], operation: str) -> None:
        """Refuse groups that a machine in this subnet cannot have."""
        subnet = self._part(subnet_id, "InvalidSubnetID.NotFound", operation)
        groups = [self._part(each, _NOT_FOUND, operation) for each in ids]
        if not groups:
            refuse("MissingParameter", operation)
        if any(each.tags.get(STAGE_TAG) != self.stage for each in (subnet, *groups)):
            refuse("UnauthorizedOperation", operation, 403)
        if any(each.vpc != subnet.vpc for each in groups):
            refuse("InvalidParameter", operation)
        if len(groups) > _MOST_OF_A_MACHINE:
            refuse("SecurityGroupsPerInstanceLimitExceeded", operation)

    def _authorized(self, way: str, request: Json) -> Json:
        group, asked = self._rules_asked("AuthorizeSecurityGroup", way, request)
        has = self.rules_of(group.id, way)
        if set(asked) & set(has) or len(set(asked)) < len(asked):
            refuse("InvalidPermission.Duplicate", f"AuthorizeSecurityGroup{way}")
        if len(has) + len(asked) > self.rule_limit:
            refuse("RulesPerSecurityGroupLimitExceeded", f"AuthorizeSecurityGroup{way}")
        self._become(group.id, way, (*has, *asked))
        return {"Return": True}

    def _revoked(self, way: str, request: Json) -> Json:
        group, asked = self._rules_asked("RevokeSecurityGroup", way, request)
        has = self.rules_of(group.id, way)
        if not set(asked) <= set(has):
            refuse("InvalidPermission.NotFound", f"RevokeSecurityGroup{way}")
        self._become(group.id, way, tuple(each for each in has if each not in set(asked)))
        return {"Return": True}

    def _rules_asked(self, verb: str, way: str, request: Json) -> tuple[Part, list[Rule]]:
        group = self._part(request["GroupId"], _NOT_FOUND, verb + way)
        if group.tags.get(STAGE_TAG) != self.stage:
            refuse("UnauthorizedOperation", verb + way, 403)
        asked = [rule for each in request["IpPermissions"] for rule in _rules_in(each, verb + way)]
        if not asked:
            refuse("MissingParameter", verb + way)
        return group, asked

    def _become(self, group_id: str, way: str, rules: tuple[Rule, ...]) -> None:
        self.rules.setdefault((group_id, way), []).append((self.clock.now(), rules))

    def _part_shown(self, part: Part, at: datetime) -> Json:
        shown = super()._part_shown(part, at)
        if part.kind != "security-group":
            return shown
        del shown["State"]
        for way, many in _LISTS.items():
            held = [rules for since, rules in self.rules.get((part.id, way), ()) if since <= at]
            shown[many] = _merged(held[-1]) if held else []
        return shown


def _rules_in(permission: Json, operation: str) -> Iterator[Rule]:
    protocol, first, last = permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort")
    if protocol in {"tcp", "udp"}:
        if first is None or last is None:
            refuse("MissingParameter", operation)
        if not 0 <= first <= last <= 65_535:
            refuse("InvalidParameterValue", operation)
    elif protocol == "icmp":
        if (first, last) != (-1, -1):
            refuse("InvalidParameterValue", operation)
    elif protocol == "-1":
        first = last = None
    else:
        refuse("InvalidParameterValue", operation)
    for many, name in _TARGETS.items():
        for target in permission.get(many, ()):
            if many == "IpRanges":
                _check_block(target[name], operation)
            yield (protocol, first, last, many, target[name])


def _check_block(text: str, operation: str) -> None:
    try:
        IPv4Network(text)
    except ValueError:
        refuse("InvalidParameterValue", operation)


def _merged(rules: Sequence[Rule]) -> list[Json]:
    """As EC2 shows rules: those of the same ports as one, with a list of each kind of target."""
    found: dict[tuple[Any, ...], Json] = {}
    for protocol, first, last, many, target in rules:
        ports = {} if first is None else {"FromPort": first, "ToPort": last}
        empty: Json = {**{name: [] for name in _TARGETS}, "UserIdGroupPairs": []}
        shown = found.setdefault((protocol, first, last), {"IpProtocol": protocol, **ports, **empty})
        shown[many].append({_TARGETS[many]: target})
    return list(found.values())
