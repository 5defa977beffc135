"""The rules of elastic IPs. Pure."""

from chalicelib.cloud.network.address_model import ADDRESS, AddressSpec, AddressStatus
from chalicelib.kit.errors import EdgeError, Kind, conflict
from chalicelib.machines.public import InstanceSpec, ProviderName, Status, status_of
from chalicelib.platform.provisioning.charging import is_there
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, Charge, Desired, Observation, Resource, State

MATCHES = "matches"
"""The fact of an address: whether it is associated as its row wants it."""

ASSOCIATED_OTHERWISE = "it is not associated as it was asked for: disassociate it, and associate it again"

_OVER = frozenset({Status.TERMINATING, Status.TERMINATED, Status.FAILED})
"""The status of an instance that no address can be associated with."""

_OF = "eip-of"
"""The scope of the claims of instances: each has one address."""

_HOLDER = "eip-holder"
"""The scope of the claims of addresses: each has one holder, itself for an instance, or a NAT gateway."""


def address_spec(address: Resource) -> AddressSpec:
    return AddressSpec.model_validate(address.spec)


def address_status(address: Resource) -> AddressStatus:
    """The status that its tenant sees: associated from when that is asked for, also while a NAT gateway has it."""
    if address.state is State.FAILED:
        return AddressStatus.FAILED
    if address.desired is Desired.ABSENT:
        return AddressStatus.DELETING
    if address_spec(address).instance_id or is_of_a_gateway(address):
        return AddressStatus.ASSOCIATED
    return AddressStatus.CREATING if address.state in {State.PENDING, State.CREATING} else AddressStatus.ALLOCATED


def is_of_a_gateway(address: Resource) -> bool:
    """Whether a NAT gateway has it: nothing else refers to an address."""
    return address.references > 0


def claim_of_instance(instance_id: str) -> str:
    """The claim that the address of an instance holds."""
    return f"{_OF}/{instance_id}"


def claim_of_holder(address_id: str) -> str:
    """The claim that the holder of an address has."""
    return f"{_HOLDER}/{address_id}"


def check_instance(instance: Resource) -> None:
    """Raises `EdgeError` (conflict) for an instance that can have no address."""
    status = status_of(instance)
    if status in _OVER:
        raise conflict(f"an instance that is {status} takes no address")
    if InstanceSpec.model_validate(instance.spec).provider != ProviderName.EC2:
        raise conflict("a local machine is a process, which has no address of its own")


def associated(address: Resource, spec: AddressSpec) -> Changes | None:
    """The change that gives an address to an instance; None if it has it. Raises `EdgeError` (conflict) for an address
    that something else has."""
    now = address_spec(address)
    if now.instance_id == spec.instance_id:
        return None
    if now.instance_id:
        raise conflict("the address is associated with another instance: disassociate it first")
    check_not_of_a_gateway(address)
    return Changes(
        spec=spec.model_dump(mode="json"),
        parents=(spec.gateway_id,) if spec.gateway_id else (),
        claims=(claim_of_instance(spec.instance_id), claim_of_holder(address.id)),
    )


def disassociated(address: Resource) -> Changes:
    """The change that takes an address from its instance."""
    spec = AddressSpec(left_id=address_spec(address).instance_id)
    return Changes(spec=spec.model_dump(mode="json"), parents=(), claims=())


def not_associated() -> EdgeError:
    """The refusal to take an address from an instance that has none."""
    return EdgeError(Kind.BAD_REQUEST, "the address is not associated with an instance")


def has_one(error: ClaimTakenError) -> EdgeError:
    """The conflict of a claim that another holds."""
    if error.claim.startswith(f"{_OF}/"):
        return conflict("the instance has an address already: disassociate that first")
    return _of_a_gateway()


def check_not_of_a_gateway(address: Resource) -> None:
    """Raises `EdgeError` (conflict) for the address of a NAT gateway."""
    if is_of_a_gateway(address):
        raise _of_a_gateway()


def check_free(address: Resource) -> None:
    """Raises `EdgeError` (conflict) for an address that is associated. One that is not there any more is not."""
    if address_spec(address).instance_id and not address.is_released:
        raise conflict("the address is associated with an instance: disassociate it first")
    check_not_of_a_gateway(address)


def drifted(address: Resource, observation: Observation) -> str:
    """An address that is not associated as its row wants it is changed, or has failed where it is at rest."""
    del address
    return "" if observation.facts.get(MATCHES, True) else ASSOCIATED_OTHERWISE


def charge_of(address: Resource) -> Charge | None:
    """An address costs while it is there (`charging.is_there`), in use or not, as EC2 charges it."""
    return Charge(ADDRESS, "ipv4") if is_there(address) else None


def _of_a_gateway() -> EdgeError:
    return conflict("the address is that of a NAT gateway: delete that first")
