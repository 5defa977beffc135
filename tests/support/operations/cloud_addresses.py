"""Bodies and preparations of the operations of addresses, for a scene of the cloud."""

from typing import Any

from chalicelib.platform.provisioning.ec2_tags import stage_of
from chalicelib.platform.provisioning.model import State
from tests.support.cloud import CloudScene
from tests.support.operations.cloud_compute import instance_in
from tests.support.operations.table import Options

_NOTHING = "01900000-0000-7000-8000-0000000000ff"

VARIABLES = {"elastic_ip_id": _NOTHING}

BODIES: dict[str, Any] = {"associate_elastic_ip": {"instance_id": _NOTHING}}


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


PREPARED: dict[str, Any] = {
    "allocate_elastic_ip": _as_it_is,
    "list_elastic_ips": _as_it_is,
    "get_elastic_ip": _an_address,
    "release_elastic_ip": _an_address,
    "associate_elastic_ip": _an_address_and_an_instance,
    "disassociate_elastic_ip": _an_associated_address,
}
