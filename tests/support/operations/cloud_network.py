"""Bodies and preparations of the operations of networks, for a scene of the cloud."""

from typing import Any

from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.provisioning.ec2_tags import stage_of
from chalicelib.platform.provisioning.model import State
from tests.support.cloud import CloudScene
from tests.support.operations.cloud_compute import instance_in, settled
from tests.support.operations.table import Options

_NOTHING = "01900000-0000-7000-8000-0000000000ff"

VARIABLES = {
    **dict.fromkeys(("vpc_id", "subnet_id"), _NOTHING),
    **dict.fromkeys(("group_id", "security_rule_id"), _NOTHING),
    **dict.fromkeys(("gateway_id", "route_table_id", "route_id"), _NOTHING),
}

BODIES: dict[str, Any] = {
    "create_vpc": {"name": "production", "cidr_block": "10.4.0.0/16"},
    "change_vpc": {"name": "staging"},
    "create_subnet": {"name": "shops", "cidr_block": "10.4.1.0/24", "availability_zone": "eu-central-1b"},
    "create_security_group": {"vpc_id": _NOTHING, "name": "web"},
    "add_security_rule": {"direction": "egress", "protocol": "icmp", "cidr": "10.0.0.0/8"},
    "attach_internet_gateway": {"vpc_id": _NOTHING},
    "create_route_table": {"vpc_id": _NOTHING, "name": "private"},
    "add_route": {"destination_cidr": "192.168.0.0/16", "target_type": "igw", "target_id": _NOTHING},
    "associate_route_table": {"subnet_id": _NOTHING},
    "create_association": {"subnet_id": _NOTHING},
    "disassociate_route_table": {"subnet_id": _NOTHING},
    "attach_security_group": {"instance_id": _NOTHING, "group_id": _NOTHING},
    "detach_security_group": {"instance_id": _NOTHING, "group_id": _NOTHING},
}


def _as_it_is(_: CloudScene) -> Options:
    return {}


def _a_vpc(scene: CloudScene) -> Options:
    platform = scene.world.platform
    scene.world.machine_client.stage = stage_of(platform.settings.table_prefix)
    if scene.variables["vpc_id"] == _NOTHING:
        scene.variables["vpc_id"] = scene.request("create_vpc").json["data"]["id"]
        scene.world.settle()
    return {}


def _a_subnet(scene: CloudScene) -> Options:
    _a_vpc(scene)
    if scene.variables["subnet_id"] == _NOTHING:
        scene.variables["subnet_id"] = scene.request("create_subnet").json["data"]["id"]
        scene.world.settle()
    return {}


def _a_vpc_for_a_group(scene: CloudScene) -> Options:
    _a_vpc(scene)
    scene.bodies["create_security_group"] = {"vpc_id": scene.variables["vpc_id"], "name": "web"}
    return {}


def _a_group(scene: CloudScene) -> Options:
    _a_vpc_for_a_group(scene)
    if scene.variables["group_id"] == _NOTHING:
        scene.variables["group_id"] = scene.request("create_security_group").json["data"]["id"]
        scene.world.settle()
    return {}


def _a_group_and_an_instance(scene: CloudScene) -> Options:
    """An instance in a subnet of the group's VPC, as if EC2 had made it."""
    _a_group(scene)
    _a_subnet(scene)
    named = {"subnet_id": scene.variables["subnet_id"]}
    body = {"instance_id": instance_in(scene, State.READY, **named).id, "group_id": scene.variables["group_id"]}
    scene.bodies |= dict.fromkeys(("attach_security_group", "detach_security_group"), body)
    return {}


def _an_attached_group(scene: CloudScene) -> Options:
    _a_group_and_an_instance(scene)
    named = scene.bodies["detach_security_group"]
    changed = scene.cloud.memberships.attach(DEFAULT_TENANT, named["instance_id"], named["group_id"])
    settled(scene, changed, changed.external["id"])
    return {}


def _a_rule(scene: CloudScene) -> Options:
    _a_group(scene)
    scene.variables["security_rule_id"] = scene.request("add_security_rule").json["data"]["id"]
    return {}


def _a_gateway(scene: CloudScene) -> Options:
    if scene.variables["gateway_id"] == _NOTHING:
        scene.variables["gateway_id"] = scene.request("create_internet_gateway").json["data"]["id"]
    return {}


def _a_gateway_and_a_vpc(scene: CloudScene) -> Options:
    _a_vpc(scene)
    scene.bodies["attach_internet_gateway"] = {"vpc_id": scene.variables["vpc_id"]}
    return _a_gateway(scene)


def _an_attached_gateway(scene: CloudScene) -> Options:
    _a_gateway_and_a_vpc(scene)
    vpc_id, gateway_id = scene.variables["vpc_id"], scene.variables["gateway_id"]
    if scene.cloud.internet_gateways.get(DEFAULT_TENANT, gateway_id).spec["vpc_id"] != vpc_id:
        assert scene.request("attach_internet_gateway").status == 200
    return {}


def _a_body_for_a_table(scene: CloudScene) -> Options:
    _a_vpc(scene)
    scene.bodies["create_route_table"] = {"vpc_id": scene.variables["vpc_id"], "name": "private"}
    return {}


def _a_table(scene: CloudScene) -> Options:
    _a_body_for_a_table(scene)
    if scene.variables["route_table_id"] == _NOTHING:
        scene.variables["route_table_id"] = scene.request("create_route_table").json["data"]["id"]
    return {}


def _a_table_and_a_gateway(scene: CloudScene) -> Options:
    _an_attached_gateway(scene)
    target = {"target_type": "igw", "target_id": scene.variables["gateway_id"]}
    scene.bodies["add_route"] = {"destination_cidr": "192.168.0.0/16", **target}
    return _a_table(scene)


def _a_route(scene: CloudScene) -> Options:
    _a_table_and_a_gateway(scene)
    scene.variables["route_id"] = scene.request("add_route").json["data"]["id"]
    return {}


def _a_route_in_the_query(scene: CloudScene) -> Options:
    _a_route(scene)
    return {"query": {"route_id": scene.variables["route_id"]}}


def _a_table_and_a_subnet(scene: CloudScene) -> Options:
    _a_subnet(scene)
    for view in ("associate_route_table", "create_association", "disassociate_route_table"):
        scene.bodies[view] = {"subnet_id": scene.variables["subnet_id"]}
    return _a_table(scene)


def _an_association(scene: CloudScene) -> Options:
    _a_table_and_a_subnet(scene)
    assert scene.request("associate_route_table").status == 200
    return {}


PREPARED: dict[str, Any] = {
    "create_vpc": _as_it_is,
    "list_vpcs": _as_it_is,
    "get_vpc": _a_vpc,
    "change_vpc": _a_vpc,
    "delete_vpc": _a_vpc,
    "create_subnet": _a_vpc,
    "list_subnets": _a_vpc,
    "get_subnet": _a_subnet,
    "delete_subnet": _a_subnet,
    "create_security_group": _a_vpc_for_a_group,
    "list_security_groups": _as_it_is,
    "get_security_group": _a_group,
    "delete_security_group": _a_group,
    "add_security_rule": _a_group,
    "remove_security_rule": _a_rule,
    "create_internet_gateway": _as_it_is,
    "list_internet_gateways": _as_it_is,
    "get_internet_gateway": _a_gateway,
    "delete_internet_gateway": _a_gateway,
    "attach_internet_gateway": _a_gateway_and_a_vpc,
    "detach_internet_gateway": _an_attached_gateway,
    "create_route_table": _a_body_for_a_table,
    "list_route_tables": _a_table,
    "get_route_table": _a_table,
    "delete_route_table": _a_table,
    "add_route": _a_table_and_a_gateway,
    "remove_route_by_query": _a_route_in_the_query,
    "remove_route": _a_route,
    "associate_route_table": _a_table_and_a_subnet,
    "create_association": _a_table_and_a_subnet,
    "disassociate_route_table": _an_association,
    "delete_association": _an_association,
    "attach_security_group": _a_group_and_an_instance,
    "detach_security_group": _an_attached_group,
}
