"""The kinds of networks' parts, and what their rows keep of a request."""

from enum import StrEnum

from pydantic import BaseModel

VPC = "vpc"
SUBNET = "subnet"
"""The names of the kinds."""


class Status(StrEnum):
    """The status of a thing as callers see it."""

    CREATING = "creating"
    ACTIVE = "active"
    AVAILABLE = "available"
    DELETING = "deleting"
    FAILED = "failed"


class VpcSpec(BaseModel, frozen=True):
    """A VPC: its addresses."""

    cidr_block: str


class SubnetSpec(BaseModel, frozen=True):
    """A subnet: its VPC, its addresses, its zone, and its route table with the time from which it has it. "" leaves the
    zone to EC2, and stands for the main table of the VPC."""

    vpc_id: str
    cidr_block: str
    zone: str = ""
    table_id: str = ""
    associated_at: str = ""
