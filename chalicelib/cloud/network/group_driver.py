"""The driver of security groups at EC2: a group of this name, with these rules and no others.

The name of a group at EC2 is the id of its row, and EC2 takes a name once in a VPC: so a repeat of its creation makes
no second one. Sources: EC2 API reference (CreateSecurityGroup, AuthorizeSecurityGroupIngress, IpPermission).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.cloud.ec2_things import Json
from chalicelib.cloud.network.ec2_errors import ERRORS
from chalicelib.cloud.network.group_model import Direction, Protocol, Traffic
from chalicelib.cloud.network.group_rules import MATCHES, spec_of
from chalicelib.cloud.network.parts import NetworkPart
from chalicelib.kit.aws_calls import CallRefusedError, calling
from chalicelib.platform.provisioning.model import Observation, Resource, Seen
from chalicelib.platform.provisioning.ports import AgainLaterError

DUPLICATE = "InvalidGroup.Duplicate"

_TEXT = "A security group of a tenant"
_ALL_AT_EC2 = "-1"
_LISTS = {Direction.INGRESS: "IpPermissions", Direction.EGRESS: "IpPermissionsEgress"}
_TARGETS = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
_NAMES = ("CidrIp", "CidrIpv6", "PrefixListId", "GroupId")
"""The lists of what a permission of EC2's is about, and what names one of each."""

_MISSING, _SURPLUS = "missing", "surplus"


class SecurityGroupDriver(NetworkPart):
    """A look compares the rules; a change makes those that EC2 lacks, and removes all others."""

    type, describes, many, id, missing = (
        *("security-group", "describe_security_groups", "SecurityGroups", "GroupId"),
        "InvalidGroup.NotFound",
    )

    def observe(self, resources: Sequence[Resource]) -> Mapping[str, Observation]:
        observed = super().observe(resources)
        return {each.id: _compared(each, observed[each.id]) for each in resources}

    def change(self, resource: Resource, observation: Observation) -> None:
        """Rules that shall go are removed first: beside sixty there is room for no other."""
        del resource
        group_id = observation.external["id"]
        for direction in Direction:
            surplus, lacking = (observation.facts.get(name, {}).get(direction) for name in (_SURPLUS, _MISSING))
            with ERRORS.sorted():
                if surplus:
                    self._call("revoke", direction)(GroupId=group_id, IpPermissions=surplus)
                if lacking:
                    self._call("authorize", direction)(GroupId=group_id, IpPermissions=lacking)

    def _call(self, verb: str, direction: Direction) -> Any:
        return getattr(self._client, f"{verb}_security_group_{direction}")

    def _make(self, resource: Resource, tags: Sequence[Json]) -> Json:
        vpc_id = self._parent(resource, spec_of(resource).vpc_id)
        try:
            with calling():
                made: Json = self._client.create_security_group(
                    GroupName=resource.id, Description=_TEXT, VpcId=vpc_id, TagSpecifications=tags
                )
        except CallRefusedError as error:
            if error.code != DUPLICATE:
                raise
            return self._made_before(resource)
        return made

    def _made_before(self, resource: Resource) -> Json:
        """The group of an earlier call. Raises `AgainLaterError` until it is seen."""
        known = next(self._shown([resource.id]), None)
        if known is None:
            raise AgainLaterError("EC2 does not show the group yet", nothing_done=True)
        return known

    def _remove(self, thing_id: str) -> None:
        self._client.delete_security_group(GroupId=thing_id)

    def _facts(self, thing: Json) -> Json:
        return {direction: [*_single(thing.get(_LISTS[direction], ()))] for direction in Direction}


def _compared(resource: Resource, observation: Observation) -> Observation:
    """The observation with what EC2 lacks of the rules, and what it has beside them."""
    if observation.seen is Seen.MISSING:
        return observation
    differs: dict[str, dict[str, list[Json]]] = {}
    for direction in Direction:
        has = {str(one): one for one in observation.facts[direction]}
        traffic = [rule.traffic for rule in spec_of(resource).rules if rule.traffic.direction is direction]
        wanted = {str(one): one for one in map(_permission, traffic)}
        for name, some, others in ((_MISSING, wanted, has), (_SURPLUS, has, wanted)):
            if left := [one for text, one in some.items() if text not in others]:
                differs.setdefault(name, {})[direction.value] = left
    return Observation(observation.seen, observation.external, {MATCHES: not differs, **differs})


def _permission(traffic: Traffic) -> Json:
    """A rule as EC2 has it."""
    protocol = _ALL_AT_EC2 if traffic.protocol is Protocol.ALL else traffic.protocol.value
    ports = (traffic.port_min, traffic.port_max)
    if traffic.protocol is Protocol.ICMP:
        ports = (-1, -1)  # every type and code
    return _written(protocol, ports, "IpRanges", {"CidrIp": traffic.cidr})


def _single(permissions: Sequence[Json]) -> Iterator[Json]:
    """EC2 shows permissions with the same ports as one: this has one for each target."""
    for each in permissions:
        protocol, ports = str(each["IpProtocol"]), (each.get("FromPort"), each.get("ToPort"))
        for many, name in zip(_TARGETS, _NAMES, strict=True):
            for target in each.get(many, ()):
                yield _written(protocol, ports, many, {name: target.get(name, "")})


def _written(protocol: str, ports: tuple[int | None, int | None], many: str, target: Json) -> Json:
    """A permission in the one order in which two are compared as texts. That of all protocols has no ports."""
    first, last = (None, None) if protocol == _ALL_AT_EC2 else ports
    given = {} if first is None else {"FromPort": int(first), "ToPort": int(last if last is not None else first)}
    return {"IpProtocol": protocol, **given, many: [{**target}]}
