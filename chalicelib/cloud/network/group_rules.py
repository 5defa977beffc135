"""The rules of security groups that hold before EC2 is asked. Pure.

Sources: Amazon VPC user guide, "Security group rules" and "Amazon VPC quotas" (60 rules a direction, 5 groups of a
network interface). A group only allows, so the order of its rules has no effect.

The id of a group ends in four zeros, and that of a rule has the number of the rule in their place, so that it tells
the group too.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from chalicelib.cloud.network.group_model import (
    Direction,
    GroupSpec,
    GroupStatus,
    Protocol,
    SecurityRule,
    Traffic,
)
from chalicelib.kit.errors import EdgeError, conflict, found, invalid
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, State

MOST_RULES = 60
"""Rules of a group in one direction (Amazon VPC quotas)."""

MOST_GROUPS = 100
"""Groups of a VPC. AWS counts those of a region: 2,500, unless it was raised."""

MOST_OF_AN_INSTANCE = 5
"""Groups of one instance (Amazon VPC quotas)."""

LARGEST_PORT = 65_535
EVERYWHERE = "0.0.0.0/0"

NAMES = "security-group-name"
"""The beginning of the scopes of the claims of names."""

MATCHES = "matches"
"""The fact of a group: whether AWS has its rules and no others."""

OTHER_RULES = "its rules were changed in AWS: add or delete one here, and AWS has all of these again, and no others"

_RESERVED = frozenset({"attach", "detach", "rules"})
"""Names that paths have beside ids and names of groups."""

_WITH_PORTS = frozenset({Protocol.TCP, Protocol.UDP})
_DIGITS = 4
_LAST_NUMBER = 16**_DIGITS - 1
_OUT = Traffic(direction=Direction.EGRESS, protocol=Protocol.ALL, cidr=EVERYWHERE)


def spec_of(group: Resource) -> GroupSpec:
    return GroupSpec.model_validate(group.spec)


def group_id_of(any_id: str) -> str:
    """The id of a new group, or that of the group of a rule."""
    return any_id[:-_DIGITS] + "0" * _DIGITS


def rule_id_of(group_id: str, number: int) -> str:
    return f"{group_id[:-_DIGITS]}{number:0{_DIGITS}x}"


def number_of(rule_id: str) -> int:
    """The number of a rule in its group."""
    return int(rule_id[-_DIGITS:], 16)


def check_free(name: str) -> str:
    """The name. Raises `EdgeError` (validation failed) for one that a path of the API has."""
    if name in _RESERVED:
        raise invalid("name", f"{name} is a part of paths of this API: choose another name")
    return name


def check_room(groups: int) -> None:
    """Raises `EdgeError` (conflict) for one group of a VPC too many."""
    if groups >= MOST_GROUPS:
        raise conflict(f"the VPC has {MOST_GROUPS} security groups, as many as it can have: delete one first")


def check_traffic(
    direction: Direction, protocol: Protocol, cidr: str, port_min: int | None, port_max: int | None
) -> Traffic:
    """The connections that a rule is about. Raises `EdgeError` (validation failed) for ports that the protocol has not,
    for missing or wrong ones, and for an invalid block of IPv4 addresses. Without ports, 0 stands for none."""
    if protocol in _WITH_PORTS:
        _check_ports(protocol, port_min, port_max)
    elif port_min or port_max:
        raise invalid("port_min" if port_min else "port_max", f"{protocol} has no ports: leave them out")
    else:
        port_min = port_max = None
    return Traffic(
        direction=direction, protocol=protocol, cidr=_check_block(cidr), port_min=port_min, port_max=port_max
    )


def new_spec(vpc_id: str, description: str, now: str) -> GroupSpec:
    """A new group lets nothing in and everything out, by a rule that can be deleted."""
    return with_rule(GroupSpec(vpc_id=vpc_id, description=description), _OUT, 0, now)


def with_rule(spec: GroupSpec, traffic: Traffic, priority: int, now: str) -> GroupSpec:
    """The group with one more rule, the last one. Raises `EdgeError` (conflict) for a rule that it has, and for one
    too many."""
    if any(rule.traffic == traffic for rule in spec.rules):
        raise conflict(f"the group has this rule already: {said(traffic)}")
    if sum(rule.traffic.direction is traffic.direction for rule in spec.rules) >= MOST_RULES:
        raise conflict(f"the group has {MOST_RULES} {traffic.direction} rules, as many as AWS allows: delete one first")
    if spec.next_rule > _LAST_NUMBER:
        raise conflict(f"the group has had {_LAST_NUMBER} rules, as many as it can have: make another group")
    rule = SecurityRule(number=spec.next_rule, traffic=traffic, priority=priority, created_at=now)
    return spec.model_copy(update={"rules": (*spec.rules, rule), "next_rule": spec.next_rule + 1})


def without_rule(spec: GroupSpec, number: int) -> GroupSpec:
    """The group without a rule. Raises `EdgeError` (not found)."""
    gone = found(next((rule for rule in spec.rules if rule.number == number), None))
    return spec.model_copy(update={"rules": tuple(rule for rule in spec.rules if rule is not gone)})


def newest_rule(spec: GroupSpec) -> SecurityRule:
    """The rule that was made last."""
    return spec.rules[-1]


def shown_order(rules: Sequence[SecurityRule]) -> list[SecurityRule]:
    """The rules by falling priority, the older before the newer."""
    return sorted(rules, key=lambda rule: (-rule.priority, rule.number))


def said(traffic: Traffic) -> str:
    """``ingress tcp 80-443 10.0.0.0/8``."""
    ports = "" if traffic.port_min is None else f" {traffic.port_min}-{traffic.port_max}"
    return f"{traffic.direction} {traffic.protocol}{ports} {traffic.cidr}"


def group_status(group: Resource) -> GroupStatus:
    """The status that its tenant sees."""
    if group.state is State.FAILED:
        return GroupStatus.FAILED
    if group.desired is Desired.ABSENT:
        return GroupStatus.DELETING
    match group.state:
        case State.PENDING | State.CREATING:
            return GroupStatus.CREATING
        case State.CHANGING:
            return GroupStatus.CHANGING
        case _:
            return GroupStatus.ACTIVE


def drifted(group: Resource, observation: Observation) -> str:
    """A group whose rules are others in AWS is changed, or has failed where it is at rest."""
    del group
    return "" if _matches(observation.facts) else OTHER_RULES


def name_needs_vpc() -> EdgeError:
    """The refusal of a name without the VPC in which it is unique."""
    return invalid("vpc_id", "is needed to find a security group by its name: give the VPC, or the id of the group")


def _matches(facts: Mapping[str, Any]) -> bool:
    return bool(facts.get(MATCHES, True))


def _check_ports(protocol: Protocol, port_min: int | None, port_max: int | None) -> None:
    for field, port in (("port_min", port_min), ("port_max", port_max)):
        if port is None:
            raise invalid(field, f"is needed for {protocol}: a port from 1 to {LARGEST_PORT}")
        if not 1 <= port <= LARGEST_PORT:
            raise invalid(field, f"{port} is no port: {protocol} has those from 1 to {LARGEST_PORT}")
    if (port_min or 0) > (port_max or 0):
        raise invalid("port_min", f"{port_min} is above port_max, {port_max}")


def _check_block(text: str) -> str:
    try:
        block = IPv4Network(text)
    except ValueError:
        block = None
    if block is None or "/" not in text:
        says = f"{text[:64]!r} is no block of IPv4 addresses without bits behind its prefix, as in 10.0.0.0/8"
        raise invalid("cidr", says)
    return str(block)
