"""Networks of two tenants on a strict EC2: made, changed and deleted beside each other, and referring to each other."""

from chalicelib.cloud.network.address_model import ADDRESS
from chalicelib.cloud.network.group_model import SECURITY_GROUP
from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.cloud.network.names import INTERNET_GATEWAY, ROUTE_TABLE
from tests.simulation.cloud import addresses, groups, memberships, routing, usage, ways_out
from tests.simulation.cloud.things import (
    TENANTS,
    check_kinds,
    cloud,
    ec2,
    some_thing,
    some_user,
    tagged,
    things_of,
    trouble,
    user_of,
)
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.provisioning_invariants import no_reference_is_left

KINDS = (VPC, SUBNET, SECURITY_GROUP, ADDRESS, INTERNET_GATEWAY, ROUTE_TABLE)
BLOCKS = ("10.0.0.0/16", "10.1.0.0/16")
PARTS = ("0.0/24", "0.128/25", "1.0/24")

ASKED = ("CreateVpc", "CreateVpc", "CreateSubnet", "CreateSubnet", "DescribeVpcs", "DescribeSubnets")
GIVEN_BACK = ("DeleteVpc", "DeleteSubnet")
CODES = ("RequestLimitExceeded", "InternalError", "Unavailable", "VpcLimitExceeded")


def create_vpc(scene: Scene) -> None:
    by = some_user(scene)
    cloud(scene).vpcs.create(by, scene.some_name(), scene.rng.choice(BLOCKS))


def rename_vpc(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    cloud(scene).vpcs.rename(vpc.tenant, vpc.id, scene.some_name())


def delete_vpc(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    cloud(scene).vpcs.delete(vpc.tenant, vpc.id)


def create_subnet(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    block = ".".join(str(vpc.spec["cidr_block"]).split(".")[:2])
    part = scene.rng.choice(PARTS)
    cloud(scene).subnets.create(user_of(vpc), vpc.id, scene.some_name(), f"{block}.{part}", "")


def delete_subnet(scene: Scene) -> None:
    subnet = some_thing(scene, SUBNET)
    cloud(scene).subnets.delete(subnet.tenant, subnet.id)


def somebody_deletes_a_part_of_a_network(scene: Scene) -> None:
    """Somebody with a console deletes a part that no machine uses, a free address, or a VPC that is empty."""
    there = [each for each in ec2(scene).alive_parts() if each.kind not in ways_out.AT_EC2]
    used = {each.vpc for each in ec2(scene).alive_parts()} | ec2(scene).addresses_in_use() | ec2(scene).in_use()
    free = [each for each in there if each.id not in used]
    if not free:
        raise NothingThereError("parts of networks")
    part = scene.rng.choice(free)
    part.gone_at = scene.world.clock.now()
    ec2(scene).surprised.add(part.id)


def networks_and_rows_agree(scene: Scene) -> None:
    rows = {row.external.get("id") for row in things_of(scene, *KINDS)}
    parts = [each for each in ec2(scene).alive_parts() if each.kind not in ways_out.AT_EC2]
    there = [each for each in parts if each.id in rows or each.id not in ec2(scene).came_late]
    check_kinds(scene, tagged((each.id, each.tags) for each in there), *KINDS)


def references_are_those_of_the_rows(scene: Scene) -> None:
    """Of all rows of the tenants: what refers to a subnet may be of any kind."""
    no_reference_is_left([row for row in scene.world.rows() if row.tenant in TENANTS])


def no_part_of_a_network_was_ever_there_twice(scene: Scene) -> None:
    """But by a worker that paused in its call until another had the lease: EC2 takes no token, and the report of
    strangers tells of it."""
    late = {str(ec2(scene).parts[each].tags) for each in ec2(scene).came_late if each in ec2(scene).parts}
    twice = {tags for tags, most in ec2(scene).most_parts.items() if most > 1} - late
    assert not twice, f"two parts of a network at a time: {twice}"


def ec2_makes_no_networks(scene: Scene) -> None:
    trouble(scene, ASKED, CODES)


def ec2_keeps_no_groups_or_addresses(scene: Scene) -> None:
    trouble(scene, (*groups.CALLS, *memberships.CALLS, *addresses.CALLS), (*CODES, "AddressLimitExceeded"))


def ec2_keeps_no_ways_out(scene: Scene) -> None:
    trouble(scene, ways_out.CALLS, CODES)


def ec2_deletes_no_networks(scene: Scene) -> None:
    trouble(scene, GIVEN_BACK, CODES)


SIMULATION = Simulation(
    operations=(
        create_vpc,
        rename_vpc,
        delete_vpc,
        create_subnet,
        create_subnet,
        delete_subnet,
        somebody_deletes_a_part_of_a_network,
        *groups.OPERATIONS,
        *memberships.OPERATIONS,
        *addresses.OPERATIONS,
        *routing.OPERATIONS,
        *ways_out.OPERATIONS,
        usage.traffic_flows,
    ),
    openings=(create_vpc, create_subnet, *routing.OPENINGS),
    invariants=(
        networks_and_rows_agree,
        references_are_those_of_the_rows,
        no_part_of_a_network_was_ever_there_twice,
        groups.rules_at_ec2_are_those_of_the_rows,
        memberships.machines_have_the_groups_of_their_rows,
        addresses.addresses_are_with_the_instances_of_their_rows,
        *routing.INVARIANTS,
        *ways_out.INVARIANTS,
    ),
    faults=(
        ec2_makes_no_networks,
        ec2_deletes_no_networks,
        ec2_keeps_no_groups_or_addresses,
        *routing.FAULTS,
        ec2_keeps_no_ways_out,
    ),
)
