"""Peerings of VPCs: what was asked for, and the states that their tenant sees."""

from enum import StrEnum

from pydantic import BaseModel


class Answer(StrEnum):
    """The answer to a peering."""

    NONE = ""
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class PeeringSpec(BaseModel, frozen=True):
    """A peering: the VPC that asks for it and the one that is asked, with their addresses, which never change."""

    requester_vpc_id: str
    accepter_vpc_id: str
    requester_block: str
    accepter_block: str
    answer: Answer = Answer.NONE


class PeeringStatus(StrEnum):
    """The status of a peering, in AWS's words. `PROVISIONING` and `DELETING` are our own: the published API has none at
    work."""

    PENDING = "pending-acceptance"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    REJECTED = "rejected"
    DELETING = "deleting"
    FAILED = "failed"
