"""Elastic IPs: what was asked for, and the states that their tenant sees."""

from enum import StrEnum

from pydantic import BaseModel

ADDRESS = "eip"
"""The name of the kind."""

QUOTA = "elastic_ips"


class AddressSpec(BaseModel, frozen=True):
    """An address: the instance that shall have it, "" for none, with its VPC and the internet gateway of that; both are
    "" for an instance in the installation's own network. ``left_id`` is the instance that had it before, "" for none.
    """

    instance_id: str = ""
    left_id: str = ""
    vpc_id: str = ""
    gateway_id: str = ""


class AddressStatus(StrEnum):
    """The status of an address. `CREATING`, `DELETING` and `FAILED` are our own: the published API has none at work."""

    CREATING = "creating"
    ALLOCATED = "allocated"
    ASSOCIATED = "associated"
    DELETING = "deleting"
    FAILED = "failed"
