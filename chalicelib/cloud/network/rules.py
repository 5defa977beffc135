"""The rules of networks that hold before EC2 is asked. Pure.

Sources: Amazon VPC user guide, "VPC CIDR blocks" and "Subnet CIDR blocks" (sizes, containment, overlap, five addresses
of each subnet that AWS keeps).
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network

from chalicelib.cloud.network.model import Status, SubnetSpec
from chalicelib.kit.errors import EdgeError, conflict, invalid
from chalicelib.platform.provisioning.model import Desired, Resource, State

DEFAULT_CIDR = "10.0.0.0/16"
LARGEST, SMALLEST = 16, 28
"""The lengths of the prefixes that AWS takes."""

MOST_SUBNETS = 200
"""Subnets of a VPC (Amazon VPC quotas)."""

_ZONE = re.compile(r"[a-z]{2}(-[a-z]+)+-\d[a-z]")
_VXLANS = 256
_FIRST_VXLAN = 100


def check_cidr(text: str) -> IPv4Network:
    """The addresses. Raises `EdgeError` (validation failed) for an invalid block of IPv4 addresses, one with bits
    behind its prefix, and a size that AWS does not take."""
    try:
        block = IPv4Network(text)
    except ValueError:
        raise invalid("cidr_block", f"{text[:64]!r} is not a block of IPv4 addresses, as in {DEFAULT_CIDR}") from None
    if "/" not in text or not LARGEST <= block.prefixlen <= SMALLEST:
        raise invalid("cidr_block", f"{text[:64]!r} has to be between /{LARGEST} and /{SMALLEST}")
    return block


def check_zone(zone: str) -> str:
    """The zone. Raises `EdgeError` (validation failed) for a text that cannot be the name of one."""
    if zone and not _ZONE.fullmatch(zone):
        raise invalid("availability_zone", f"{zone[:64]!r} is not a zone, as in eu-central-1a")
    return zone


def check_within(block: IPv4Network, vpc_block: str) -> None:
    """Raises `EdgeError` (validation failed) for a subnet that is not wholly in its VPC."""
    if not block.subnet_of(IPv4Network(vpc_block)):
        raise invalid("cidr_block", f"{block} is not within the addresses of the VPC, {vpc_block}")


def check_apart(block: IPv4Network, others: Iterable[str]) -> None:
    """Raises `EdgeError` (conflict) for a block that overlaps one of the others, and for one subnet too many."""
    blocks = [IPv4Network(other) for other in others]
    for other in blocks:
        if block.overlaps(other):
            raise conflict(f"{block} overlaps the subnet {other} of the VPC")
    if len(blocks) >= MOST_SUBNETS:
        raise conflict(f"the VPC has {MOST_SUBNETS} subnets, as many as AWS allows: delete one first")


def name_taken(name: str, where: str) -> EdgeError:
    """The conflict of a name that another has, such as "in the tenant"."""
    return conflict(f"the name {name} is taken {where}")


def gateway_of(cidr_block: str) -> str:
    """The address of a subnet that its router has."""
    return str(IPv4Network(cidr_block)[1])


def vxlan_of(vpc_id: str) -> int:
    """The number that the published API shows of a VPC, from the end of its id. AWS has no use for it."""
    return _FIRST_VXLAN + int(vpc_id[-2:], 16) % _VXLANS


def arn_of(service: str, tenant: str, thing: str, thing_id: str) -> str:
    """The ARN by which policies name a thing."""
    return f"arn:thecloud:{service}:local:{tenant}:{thing}/{thing_id}"


def status_of(resource: Resource, ready: Status) -> Status:
    """The status that callers see; ``ready`` is the kind's name for one at rest."""
    if resource.state is State.FAILED:
        return Status.FAILED
    if resource.desired is Desired.ABSENT:
        return Status.DELETING
    return Status.CREATING if resource.state in {State.PENDING, State.CREATING} else ready


def subnet_spec_of(subnet: Resource) -> SubnetSpec:
    """The specification of a subnet."""
    return SubnetSpec.model_validate(subnet.spec)
