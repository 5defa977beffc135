"""The rules of gateways, route tables and routes that hold before EC2 is asked. Pure.

Sources: Amazon VPC user guide, "Route tables" (routes within a VPC's addresses, reserved addresses), "Amazon VPC
quotas".
"""

from ipaddress import IPv4Network

from chalicelib.cloud.network.names import INTERNET_GATEWAY, NAT_GATEWAY, VPC_PEERING
from chalicelib.cloud.network.routing_model import GatewaySpec, GatewayStatus, RouteTableSpec, TargetType
from chalicelib.kit.errors import conflict, invalid
from chalicelib.kit.ids import digest_uuid
from chalicelib.platform.provisioning.model import Desired, Resource, State

MOST_ROUTES = 40
"""Routes of a table's own. AWS allows 50, of which a main table needs some for a gateway and peerings; and one
transaction returns all that a table refers to when it ends."""

MOST_TABLES = 198
"""Route tables of a VPC beside its main one. AWS allows 200, with one of its own that stays unused."""

KIND_OF = {TargetType.IGW: INTERNET_GATEWAY, TargetType.NAT: NAT_GATEWAY, TargetType.PEERING: VPC_PEERING}
"""The kind of resource that each type of target is."""

TYPE_OF = {kind: target_type for target_type, kind in KIND_OF.items()}

_RESERVED = IPv4Network("169.254.168.0/22")


def table_spec_of(table: Resource) -> RouteTableSpec:
    """The specification of a route table."""
    return RouteTableSpec.model_validate(table.spec)


def gateway_spec_of(gateway: Resource) -> GatewaySpec:
    """The specification of an internet gateway."""
    return GatewaySpec.model_validate(gateway.spec)


def check_destination(text: str, vpc_block: str) -> str:
    """The destination of a route. Raises `EdgeError` (validation failed) for one that is not a block of IPv4 addresses,
    lies within the VPC, whose addresses are reached directly, or is kept by AWS."""
    try:
        block = IPv4Network(text)
    except ValueError:
        raise invalid("destination_cidr", f"{text[:64]!r} is not a block of IPv4 addresses, as in 0.0.0.0/0") from None
    if "/" not in text:
        raise invalid("destination_cidr", f"{text[:64]!r} has no length, as in {block}")
    if block.subnet_of(IPv4Network(vpc_block)):
        raise invalid("destination_cidr", f"{block} is within the VPC, {vpc_block}, and reached without a route")
    if block.subnet_of(_RESERVED):
        raise invalid("destination_cidr", f"{block} is within {_RESERVED}, which AWS keeps")
    return str(block)


def check_target(target: Resource, vpc_id: str) -> None:
    """Raises `EdgeError` (conflict) for a target of another VPC, and for one that is not in use."""
    spec = target.spec
    if target.kind == INTERNET_GATEWAY:
        if spec.get("vpc_id") != vpc_id:
            raise conflict("the internet gateway is not attached to the VPC of the route table: attach it first")
        return
    if vpc_id not in {spec.get(name) for name in ("vpc_id", "requester_vpc_id", "accepter_vpc_id")}:
        raise conflict("the target of the route belongs to another VPC than the route table")
    is_accepted = target.kind != VPC_PEERING or spec.get("answer") == "accepted"
    if target.desired is Desired.ABSENT or target.state is not State.READY or not is_accepted:
        raise conflict("the target of the route is not active yet: wait until it is")


def gateway_status(gateway: Resource) -> GatewayStatus:
    """The status that callers see: attached once its default route is there as well."""
    is_wanted = bool(gateway_spec_of(gateway).vpc_id)
    if gateway.state is State.FAILED:
        return GatewayStatus.FAILED
    if gateway.desired is Desired.ABSENT:
        return GatewayStatus.DELETING
    if gateway.state is State.READY:
        return GatewayStatus.ATTACHED if is_wanted else GatewayStatus.DETACHED
    if gateway.state is State.CHANGING:
        return GatewayStatus.ATTACHING if is_wanted else GatewayStatus.DETACHING
    return GatewayStatus.CREATING


def route_of(table_id: str, destination: str) -> str:
    """The id of a route that a table has of others, which follows from its destination."""
    return digest_uuid(f"route:{table_id}/{destination}")


def local_route_of(table_id: str) -> str:
    """The id of the route to a VPC's own addresses."""
    return route_of(table_id, "local")


def association_of(table_id: str, subnet_id: str) -> str:
    """The id of the association of a subnet with a route table."""
    return digest_uuid(f"association:{table_id}/{subnet_id}")
