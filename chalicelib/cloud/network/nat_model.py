"""NAT gateways: what was asked for, and the states that their tenant sees."""

from enum import StrEnum

from pydantic import BaseModel


class NatSpec(BaseModel, frozen=True):
    """A NAT gateway: the subnet that it is in, with its VPC and the internet gateway of that, and its address."""

    vpc_id: str
    gateway_id: str
    subnet_id: str
    elastic_ip_id: str


class NatStatus(StrEnum):
    """The status of a NAT gateway. `DELETING` is our own: the published API deletes one at once."""

    PENDING = "pending"
    ACTIVE = "active"
    DELETING = "deleting"
    FAILED = "failed"
