"""Internet gateways and route tables of two tenants: attached, routed and associated beside each other, and as at EC2
in the end."""

from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.cloud.network.names import EVERYWHERE, INTERNET_GATEWAY, ROUTE_TABLE, VPC_PEERING, main_table_of
from chalicelib.cloud.network.peering_model import Answer
from chalicelib.cloud.network.peering_rules import peering_spec
from chalicelib.cloud.network.peering_rules import routes_of as routes_of_peering
from chalicelib.cloud.network.routing_model import TargetType
from chalicelib.cloud.network.routing_rules import gateway_spec_of, table_spec_of
from chalicelib.cloud.network.rules import subnet_spec_of
from chalicelib.platform.provisioning.model import Resource, State
from tests.simulation.cloud.things import cloud, ec2, some_thing, some_user, things_of, trouble, user_of
from tests.simulation.scene import NothingThereError, Scene

DESTINATIONS = (EVERYWHERE, "198.51.100.0/24")

ASKED = (
    *("CreateInternetGateway", "AttachInternetGateway", "DescribeInternetGateways", "CreateRouteTable"),
    *("CreateRoute", "ReplaceRoute", "DescribeRouteTables", "AssociateRouteTable", "ReplaceRouteTableAssociation"),
)
GIVEN_BACK = ("DetachInternetGateway", "DeleteInternetGateway", "DeleteRoute", "DeleteRouteTable")
CODES = ("RequestLimitExceeded", "InternalError", "Unavailable")


def create_gateway(scene: Scene) -> None:
    cloud(scene).internet_gateways.create(some_user(scene))


def attach_gateway(scene: Scene) -> None:
    gateway = some_thing(scene, INTERNET_GATEWAY)
    cloud(scene).internet_gateways.attach(gateway.tenant, gateway.id, some_thing(scene, VPC, gateway.tenant).id)


def detach_gateway(scene: Scene) -> None:
    gateway = some_thing(scene, INTERNET_GATEWAY)
    cloud(scene).internet_gateways.detach(gateway.tenant, gateway.id)


def delete_gateway(scene: Scene) -> None:
    gateway = some_thing(scene, INTERNET_GATEWAY)
    cloud(scene).internet_gateways.delete(gateway.tenant, gateway.id)


def create_table(scene: Scene) -> None:
    vpc = some_thing(scene, VPC)
    cloud(scene).route_tables.create(user_of(vpc), vpc.id, scene.some_name())


def delete_table(scene: Scene) -> None:
    table = some_thing(scene, ROUTE_TABLE)
    cloud(scene).route_tables.delete(table.tenant, table.id)


def add_route(scene: Scene) -> None:
    attached = [each for each in things_of(scene, INTERNET_GATEWAY) if gateway_spec_of(each).vpc_id]
    if not attached:
        raise NothingThereError("attached gateways")
    gateway = scene.rng.choice(attached)
    vpc_id = gateway_spec_of(gateway).vpc_id
    tables = [each for each in things_of(scene, ROUTE_TABLE) if table_spec_of(each).vpc_id == vpc_id]
    if not tables:
        raise NothingThereError("tables beside a gateway")
    table, to = scene.rng.choice(tables), scene.rng.choice(DESTINATIONS)
    cloud(scene).route_tables.add_route(table.tenant, table.id, to, TargetType.IGW, gateway.id)


def remove_route(scene: Scene) -> None:
    routed = [each for each in things_of(scene, ROUTE_TABLE) if table_spec_of(each).routes]
    if not routed:
        raise NothingThereError("routes")
    table = scene.rng.choice(routed)
    cloud(scene).route_tables.remove_route(table.tenant, table.id, scene.rng.choice(table_spec_of(table).routes).id)


def associate(scene: Scene) -> None:
    subnet = some_thing(scene, SUBNET)
    table = some_thing(scene, ROUTE_TABLE, subnet.tenant)
    cloud(scene).subnets.associate(subnet.tenant, subnet.id, table.id)


def disassociate(scene: Scene) -> None:
    subnet = some_thing(scene, SUBNET)
    table_id = subnet_spec_of(subnet).table_id or main_table_of(str(subnet.spec["vpc_id"]))
    cloud(scene).subnets.disassociate(subnet.tenant, subnet.id, table_id)


def gateways_are_attached_as_their_rows_say(scene: Scene) -> None:
    for gateway in _ready(scene, INTERNET_GATEWAY):
        wanted = gateway_spec_of(gateway).vpc_id
        vpc = _at_ec2(scene, gateway.tenant, wanted) if wanted else ""
        assert ec2(scene).parts[gateway.external["id"]].vpc == vpc, f"a gateway is not attached to {vpc or 'nothing'}"


def routes_are_those_of_the_rows(scene: Scene) -> None:
    """In each table the routes of its own, and in a main one those of the VPC's gateway and peerings."""
    for table in _ready(scene, ROUTE_TABLE):
        spec = table_spec_of(table)
        wanted = {each.destination_cidr: _at_ec2(scene, table.tenant, each.target_id) for each in spec.routes}
        gateways = [each for each in things_of(scene, INTERNET_GATEWAY) if gateway_spec_of(each).vpc_id == spec.vpc_id]
        if spec.is_main and gateways:
            if gateways[0].state is not State.READY:
                continue
            wanted[EVERYWHERE] = gateways[0].external["id"]
        peerings = _accepted_of(scene, spec.vpc_id) if spec.is_main else []
        if any(each.state is not State.READY for each in peerings):
            continue
        for each in peerings:
            wanted[dict(routes_of_peering(peering_spec(each)))[spec.vpc_id]] = each.external["id"]
        assert ec2(scene).routes_of(table.external["id"]) == wanted, f"the table {table.name} has other routes"


def subnets_have_the_tables_of_their_rows(scene: Scene) -> None:
    for subnet in _ready(scene, SUBNET):
        spec = subnet_spec_of(subnet)
        table = _at_ec2(scene, subnet.tenant, spec.table_id or main_table_of(spec.vpc_id))
        assert ec2(scene).table_of(subnet.external["id"]) == table, f"the subnet {subnet.name} has another table"


def wanted_vpcs_have_a_main_table(scene: Scene) -> None:
    tables = {each.id: each for each in things_of(scene, ROUTE_TABLE)}
    for vpc in _ready(scene, VPC):
        assert main_table_of(vpc.id) in tables, f"the VPC {vpc.name} has no main table"


def ec2_connects_nothing(scene: Scene) -> None:
    trouble(scene, ASKED, CODES)


def ec2_disconnects_nothing(scene: Scene) -> None:
    trouble(scene, GIVEN_BACK, CODES)


def _ready(scene: Scene, kind: str) -> list[Resource]:
    return [each for each in things_of(scene, kind) if each.state is State.READY]


def _accepted_of(scene: Scene, vpc_id: str) -> list[Resource]:
    """The accepted peerings of a VPC."""
    every = [each for each in things_of(scene, VPC_PEERING) if not each.is_released]
    accepted = [each for each in every if peering_spec(each).answer is Answer.ACCEPTED]
    return [each for each in accepted if vpc_id in each.parents]


def _at_ec2(scene: Scene, tenant: str, resource_id: str) -> str:
    """The id at EC2 of a resource, also of one that was lost there."""
    (row,) = [each for each in scene.world.rows() if (each.tenant, each.id) == (tenant, resource_id)]
    return row.external.get("id", "")


OPERATIONS = (
    create_gateway,
    attach_gateway,
    attach_gateway,
    detach_gateway,
    delete_gateway,
    create_table,
    delete_table,
    add_route,
    add_route,
    remove_route,
    associate,
    associate,
    disassociate,
)
OPENINGS = (create_gateway, create_table, attach_gateway)
INVARIANTS = (
    gateways_are_attached_as_their_rows_say,
    routes_are_those_of_the_rows,
    subnets_have_the_tables_of_their_rows,
    wanted_vpcs_have_a_main_table,
)
FAULTS = (ec2_connects_nothing, ec2_disconnects_nothing)
