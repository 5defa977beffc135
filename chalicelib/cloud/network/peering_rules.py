"""The rules of peerings. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Network

from chalicelib.cloud.network.model import VpcSpec
from chalicelib.cloud.network.names import main_table_of, route_claim
from chalicelib.cloud.network.peering_model import Answer, PeeringSpec, PeeringStatus
from chalicelib.kit.errors import EdgeError, Kind, conflict, invalid
from chalicelib.platform.provisioning.claim_store import ClaimTakenError
from chalicelib.platform.provisioning.model import Changes, Desired, Resource, State

_PAIR = "peering"
"""The beginning of the scopes of the claims of pairs: two VPCs have one peering."""


def peering_spec(peering: Resource) -> PeeringSpec:
    return PeeringSpec.model_validate(peering.spec)


def peering_status(peering: Resource) -> PeeringStatus:
    """The status that its tenant sees. One that was rejected stays so for as long as it is shown."""
    answer = peering_spec(peering).answer
    if answer is Answer.REJECTED:
        return PeeringStatus.REJECTED
    if peering.state is State.FAILED:
        return PeeringStatus.FAILED
    if peering.desired is Desired.ABSENT:
        return PeeringStatus.DELETING
    if answer is Answer.NONE:
        return PeeringStatus.PENDING
    return PeeringStatus.ACTIVE if peering.state is State.READY else PeeringStatus.PROVISIONING


def between(requester: Resource, accepter: Resource) -> PeeringSpec:
    """A peering of two VPCs. Raises `EdgeError` (validation failed) for one VPC twice, and for two with addresses in
    common."""
    if requester.id == accepter.id:
        raise invalid("accepter_vpc_id", "a VPC cannot be peered with itself")
    blocks = [VpcSpec.model_validate(each.spec).cidr_block for each in (requester, accepter)]
    if IPv4Network(blocks[0]).overlaps(IPv4Network(blocks[1])):
        raise invalid("accepter_vpc_id", f"its addresses {blocks[1]} overlap {blocks[0]}, those of the other VPC")
    return PeeringSpec(
        requester_vpc_id=requester.id,
        accepter_vpc_id=accepter.id,
        requester_block=blocks[0],
        accepter_block=blocks[1],
    )


def routes_of(spec: PeeringSpec) -> Sequence[tuple[str, str]]:
    """The routes that an accepted peering makes: the VPC of each main route table, and where it leads."""
    return (spec.requester_vpc_id, spec.accepter_block), (spec.accepter_vpc_id, spec.requester_block)


def claims_of(spec: PeeringSpec) -> tuple[str, ...]:
    """The names that it alone has: the pair of VPCs, and its routes once it is accepted."""
    lower, higher = sorted((spec.requester_vpc_id, spec.accepter_vpc_id))
    routes = routes_of(spec) if spec.answer is Answer.ACCEPTED else ()
    return f"{_PAIR}:{lower}/{higher}", *(route_claim(main_table_of(vpc), block) for vpc, block in routes)


def has_one(error: ClaimTakenError) -> EdgeError:
    """The conflict of a claim that another holds."""
    if error.claim.startswith(f"{_PAIR}:"):
        return conflict("the two VPCs have a peering already")
    return conflict(f"the main route table of a VPC has a route to {error.claim.partition('/')[2]}: remove it first")


def check_pending(peering: Resource) -> None:
    """Raises `EdgeError` (bad request) for a peering that waits for no answer."""
    status = peering_status(peering)
    if status is not PeeringStatus.PENDING:
        raise EdgeError(Kind.BAD_REQUEST, f"the peering is {status}: it has to be {PeeringStatus.PENDING}")


def accepted(peering: Resource) -> Changes:
    """The change that accepts a peering. Raises `EdgeError` (bad request) for one that waits for no answer."""
    check_pending(peering)
    spec = peering_spec(peering).model_copy(update={"answer": Answer.ACCEPTED})
    return Changes(spec=spec.model_dump(mode="json"), claims=claims_of(spec))
