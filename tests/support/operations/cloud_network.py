"""Bodies and preparations of the operations of networks, for a scene of the cloud."""

from typing import Any

from chalicelib.platform.provisioning.ec2_tags import stage_of
from tests.support.cloud import CloudScene
from tests.support.operations.table import Options

_NOTHING = "01900000-0000-7000-8000-0000000000ff"

VARIABLES = {
    **dict.fromkeys(("vpc_id", "subnet_id"), _NOTHING),
    **dict.fromkeys(("group_id", "security_rule_id"), _NOTHING),
}

BODIES: dict[str, Any] = {
    "create_vpc": {"name": "production", "cidr_block": "10.4.0.0/16"},
    "change_vpc": {"name": "staging"},
    "create_subnet": {"name": "shops", "cidr_block": "10.4.1.0/24", "availability_zone": "eu-central-1b"},
    "create_security_group": {"vpc_id": _NOTHING, "name": "web"},
    "add_security_rule": {"direction": "egress", "protocol": "icmp", "cidr": "10.0.0.0/8"},
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


def _a_rule(scene: CloudScene) -> Options:
    _a_group(scene)
    scene.variables["security_rule_id"] = scene.request("add_security_rule").json["data"]["id"]
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
}
