"""NAT gateways and peerings of two tenants, as at EC2 in the end."""

from chalicelib.cloud.network.address_model import ADDRESS
from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.cloud.network.names import INTERNET_GATEWAY, NAT_GATEWAY, VPC_PEERING
from chalicelib.cloud.network.nat_rules import nat_spec
from tests.simulation.cloud import usage
from tests.simulation.cloud.things import (
    check_kinds,
    cloud,
    ec2,
    some_thing,
    some_user,
    tagged,
    things_of,
    user_of,
)
from tests.simulation.scene import NothingThereError, Scene

CALLS = (
    *("CreateNatGateway", "DescribeNatGateways", "DeleteNatGateway"),
    *("CreateVpcPeeringConnection", "AcceptVpcPeeringConnection", "DescribeVpcPeeringConnections"),
    "DeleteVpcPeeringConnection",
)
AT_EC2 = frozenset({"natgateway", "vpc-peering-connection"})
"""The types of these parts there."""

SECONDS_TO_APPEAR = 30
BLOCKS = ("10.0.0.0/16", "10.1.0.0/16")


def create_nat_gateway(scene: Scene) -> None:
    """In a subnet of a VPC with an internet gateway; an address is allocated if there is none."""
    vpcs = {each.spec["vpc_id"] for each in things_of(scene, INTERNET_GATEWAY)}
    subnets = [each for each in things_of(scene, SUBNET) if each.spec["vpc_id"] in vpcs]
    if not subnets:
        raise NothingThereError("subnets with a way out")
    subnet = scene.rng.choice(subnets)
    addresses = [each for each in things_of(scene, ADDRESS) if each.tenant == subnet.tenant]
    addresses = addresses or [cloud(scene).addresses.allocate(user_of(subnet))]
    cloud(scene).nats.create(user_of(subnet), subnet.id, scene.rng.choice(addresses).id)


def lay_a_way_out(scene: Scene) -> None:
    """A tenant takes all that a NAT gateway needs, waits until that is there, makes one, and uses it."""
    user, own = some_user(scene), cloud(scene)
    vpcs = [each for each in things_of(scene, VPC) if each.tenant == user.tenant]
    vpc = scene.rng.choice(vpcs) if vpcs else own.vpcs.create(user, scene.some_name(), BLOCKS[0])
    subnets = [each for each in things_of(scene, SUBNET) if each.spec["vpc_id"] == vpc.id]
    block = str(vpc.spec["cidr_block"]).replace(".0.0/16", ".7.0/24")
    subnet = subnets[0] if subnets else own.subnets.create(user, vpc.id, scene.some_name(), block, "")
    if vpc.id not in {each.spec["vpc_id"] for each in things_of(scene, INTERNET_GATEWAY)}:
        own.internet_gateways.attach(user.tenant, own.internet_gateways.create(user).id, vpc.id)
    address = own.addresses.allocate(user)
    scene.wait(SECONDS_TO_APPEAR)
    own.nats.create(user, subnet.id, address.id)
    scene.wait(SECONDS_TO_APPEAR)
    usage.traffic_flows(scene)


def delete_nat_gateway(scene: Scene) -> None:
    nat = some_thing(scene, NAT_GATEWAY)
    cloud(scene).nats.delete(nat.tenant, nat.id)


def create_peering(scene: Scene) -> None:
    """Between two VPCs of a tenant; the second is made if there is none."""
    vpc = some_thing(scene, VPC)
    others = [each for each in things_of(scene, VPC) if each.tenant == vpc.tenant and each.spec != vpc.spec]
    if not others:
        block = next(each for each in BLOCKS if each != vpc.spec["cidr_block"])
        others = [cloud(scene).vpcs.create(user_of(vpc), scene.some_name(), block)]
    cloud(scene).peerings.create(user_of(vpc), vpc.id, scene.rng.choice(others).id)


def accept_peering(scene: Scene) -> None:
    peering = some_thing(scene, VPC_PEERING)
    cloud(scene).peerings.accept(peering.tenant, peering.id)


def reject_peering(scene: Scene) -> None:
    peering = some_thing(scene, VPC_PEERING)
    cloud(scene).peerings.reject(peering.tenant, peering.id)


def delete_peering(scene: Scene) -> None:
    peering = some_thing(scene, VPC_PEERING)
    cloud(scene).peerings.delete(peering.tenant, peering.id)


def ways_out_and_rows_agree(scene: Scene) -> None:
    there = {
        NAT_GATEWAY: ec2(scene).nats_there(),
        VPC_PEERING: ec2(scene).peerings_there(),
    }
    for kind, parts in there.items():
        rows = {row.external.get("id") for row in things_of(scene, kind)}
        known = [each for each in parts if each.id in rows or each.id not in ec2(scene).came_late]
        check_kinds(scene, tagged((each.id, each.tags) for each in known), kind)


def nat_gateways_have_addresses_of_their_own(scene: Scene) -> None:
    held = [nat_spec(each).elastic_ip_id for each in things_of(scene, NAT_GATEWAY) if not each.is_released]
    assert len(set(held)) == len(held), "two NAT gateways have one address"


OPERATIONS = (
    create_nat_gateway,
    lay_a_way_out,
    delete_nat_gateway,
    create_peering,
    create_peering,
    accept_peering,
    reject_peering,
    delete_peering,
)
INVARIANTS = (ways_out_and_rows_agree, nat_gateways_have_addresses_of_their_own)
