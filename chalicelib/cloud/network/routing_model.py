"""The specifications of internet gateways and route tables, and the status of gateways as callers see it."""

from enum import StrEnum

from pydantic import BaseModel


class GatewayStatus(StrEnum):
    """The status of an internet gateway."""

    CREATING = "creating"
    DETACHED = "detached"
    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"
    DELETING = "deleting"
    FAILED = "failed"


class GatewaySpec(BaseModel, frozen=True):
    """An internet gateway: the VPC that it shall be attached to; "" for none."""

    vpc_id: str = ""


class TargetType(StrEnum):
    """The types of what routes lead to."""

    LOCAL = "local"
    IGW = "igw"
    NAT = "nat"
    PEERING = "peering"


class Route(BaseModel, frozen=True):
    """A route of a table's own. The time at which it was asked for is that of its id."""

    id: str
    destination_cidr: str
    target_type: TargetType
    target_id: str


class RouteTableSpec(BaseModel, frozen=True):
    """A route table: its VPC with the addresses of that, whether subnets without a table of their own have it, and its
    own routes. The route to the VPC's addresses is never kept."""

    vpc_id: str
    vpc_block: str
    is_main: bool = False
    routes: tuple[Route, ...] = ()
