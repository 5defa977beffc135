"""Bodies and preparations of the operations of addresses, NAT gateways and peerings, for a scene of the cloud."""

from typing import Any

from chalicelib.platform.provisioning.ec2_tags import stage_of
from chalicelib.platform.provisioning.model import State
from tests.support.cloud import CloudScene
from tests.support.operations import cloud_network
from tests.support.operations.cloud_compute import instance_in
from tests.support.operations.table import Options

_NOTHING = "01900000-0000-7000-8000-0000000000ff"

VARIABLES = {"elastic_ip_id": _NOTHING, "nat_gateway_id": _NOTHING, "peering_id": _NOTHING}

BODIES: dict[str, Any] = {
    "associate_elastic_ip": {"instance_id": _NOTHING},
    "create_nat_gateway": {"subnet_id": _NOTHING, "eip_id": _NOTHING},
    "create_vpc_peering": {"requester_vpc_id": _NOTHING, "accepter_vpc_id": _NOTHING},
}


def _as_it_is(_: CloudScene) -> Options:
    return {}


def _an_address(scene: CloudScene) -> Options:
    platform = scene.world.platform
    scene.world.machine_client.stage = stage_of(platform.settings.table_prefix)
    if scene.variables["elastic_ip_id"] == _NOTHING:
        scene.variables["elastic_ip_id"] = scene.request("allocate_elastic_ip").json["data"]["id"]
        scene.world.settle()
    return {}


def _an_address_and_an_instance(scene: CloudScene) -> Options:
    _an_address(scene)
    scene.variables["instance_id"] = instance_in(scene, State.READY).id
    scene.bodies["associate_elastic_ip"] = {"instance_id": scene.variables["instance_id"]}
    return {}


def _an_associated_address(scene: CloudScene) -> Options:
    _an_address_and_an_instance(scene)
    assert scene.request("associate_elastic_ip").status == 200
    return {}


def _parts_of_a_nat(scene: CloudScene) -> Options:
    """A subnet of a VPC with an internet gateway, and an address."""
    cloud_network.PREPARED["get_subnet"](scene)
    cloud_network.PREPARED["detach_internet_gateway"](scene)
    _an_address(scene)
    names = scene.variables
    scene.bodies["create_nat_gateway"] = {"subnet_id": names["subnet_id"], "eip_id": names["elastic_ip_id"]}
    return {}


def _a_nat(scene: CloudScene) -> Options:
    _parts_of_a_nat(scene)
    if scene.variables["nat_gateway_id"] == _NOTHING:
        scene.variables["nat_gateway_id"] = scene.request("create_nat_gateway").json["data"]["id"]
    return {}


def _two_vpcs(scene: CloudScene) -> Options:
    cloud_network.PREPARED["get_vpc"](scene)
    body = scene.bodies["create_vpc_peering"]
    if body["accepter_vpc_id"] == _NOTHING:
        other = scene.request("create_vpc", json={"name": "staging", "cidr_block": "10.5.0.0/16"}).json["data"]["id"]
        scene.bodies["create_vpc_peering"] = {"requester_vpc_id": scene.variables["vpc_id"], "accepter_vpc_id": other}
    return {}


def _a_peering(scene: CloudScene) -> Options:
    _two_vpcs(scene)
    if scene.variables["peering_id"] == _NOTHING:
        scene.variables["peering_id"] = scene.request("create_vpc_peering").json["data"]["id"]
    return {}


PREPARED: dict[str, Any] = {
    "allocate_elastic_ip": _as_it_is,
    "list_elastic_ips": _as_it_is,
    "get_elastic_ip": _an_address,
    "release_elastic_ip": _an_address,
    "associate_elastic_ip": _an_address_and_an_instance,
    "disassociate_elastic_ip": _an_associated_address,
    "create_nat_gateway": _parts_of_a_nat,
    "list_nat_gateways": _as_it_is,
    "get_nat_gateway": _a_nat,
    "delete_nat_gateway": _a_nat,
    "create_vpc_peering": _two_vpcs,
    "list_vpc_peerings": _as_it_is,
    "get_vpc_peering": _a_peering,
    "delete_vpc_peering": _a_peering,
    "accept_vpc_peering": _a_peering,
    "reject_vpc_peering": _a_peering,
}
