"""The rules of NAT gateways. Pure."""

from chalicelib.cloud.network.address_rules import claim_of_holder
from chalicelib.cloud.network.names import NAT_GATEWAY
from chalicelib.cloud.network.nat_model import NatSpec, NatStatus
from chalicelib.kit.errors import EdgeError, invalid
from chalicelib.platform.provisioning.charging import is_there
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Charge, Desired, Resource, State

_OF_SUBNET = "nat-of-subnet"
"""The scope of the claims of subnets: each has one NAT gateway."""


def nat_spec(nat: Resource) -> NatSpec:
    return NatSpec.model_validate(nat.spec)


def nat_status(nat: Resource) -> NatStatus:
    """The status that its tenant sees."""
    if nat.state is State.FAILED:
        return NatStatus.FAILED
    if nat.desired is Desired.ABSENT:
        return NatStatus.DELETING
    return NatStatus.PENDING if nat.state in {State.PENDING, State.CREATING} else NatStatus.ACTIVE


def claims_of(spec: NatSpec) -> tuple[str, ...]:
    """The names that a NAT gateway alone has: its subnet and its address."""
    return f"{_OF_SUBNET}/{spec.subnet_id}", claim_of_holder(spec.elastic_ip_id)


def has_one(error: ClaimTakenError) -> EdgeError:
    """The refusal of a subnet or an address that another has. The published API has 400 for it."""
    if error.claim.startswith(f"{_OF_SUBNET}/"):
        return invalid("subnet_id", "the subnet has a NAT gateway already: delete that first")
    return invalid("elastic_ip_id", "the address is associated: disassociate it first, or use another one")


def charge_of(nat: Resource) -> Charge | None:
    """A NAT gateway costs by the hour while it is there (`charging.is_there`). Its traffic is charged beside."""
    return Charge(NAT_GATEWAY, "public") if is_there(nat) else None
