"""Security groups: what was asked for, and the states that their tenant sees."""

from enum import StrEnum

from pydantic import BaseModel

SECURITY_GROUP = "security_group"
"""The name of the kind of resources."""

DEFAULT = "default"
"""The name of the group of a VPC that its instances have if their launch names none."""


class Direction(StrEnum):
    """Whether a rule lets connections in or out."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Protocol(StrEnum):
    """The protocol that a rule is about."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ALL = "all"


class GroupStatus(StrEnum):
    """The status of a group. While it is `changing`, AWS may not have all of its rules yet."""

    CREATING = "creating"
    ACTIVE = "active"
    CHANGING = "changing"
    DELETING = "deleting"
    FAILED = "failed"


class Traffic(BaseModel, frozen=True):
    """The connections that a rule lets through: to or from these addresses. Protocols without ports have none."""

    direction: Direction
    protocol: Protocol
    cidr: str
    port_min: int | None = None
    port_max: int | None = None


class SecurityRule(BaseModel, frozen=True):
    """A rule of a group. Its ``number`` was never another rule's of the group; ``created_at`` is seconds text."""

    number: int
    traffic: Traffic
    priority: int
    created_at: str


class GroupSpec(BaseModel, frozen=True):
    """A group: its VPC, its rules in the order in which they were made, and the number of the next one."""

    vpc_id: str
    description: str = ""
    rules: tuple[SecurityRule, ...] = ()
    next_rule: int = 1
