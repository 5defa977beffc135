"""The needs of the operations of hosted nodes."""

from typing import Any

from chalicelib.machines.hosted.model import Action
from chalicelib.platform.provisioning.model import State
from tests.support.hosting import NETWORK, TENANT, Hosting
from tests.support.operations.table import Options


def hosting_in(scene: Any) -> Hosting:
    """Hosted nodes of the scene's world, on instances and a fleet that do as the test says."""
    if not hasattr(scene, "hosting"):
        scene.hosting = Hosting(scene.world)
    hosting: Hosting = scene.hosting
    return hosting


def prepared(scene: Any) -> Options:
    """Nothing but the means to make nodes."""
    hosting_in(scene)
    return {}


def running(scene: Any) -> Options:
    """A node that runs."""
    return {"variables": {"node_id": hosting_in(scene).running().id}}


def _stopped(scene: Any) -> Options:
    node = hosting_in(scene).running()
    scene.hosting.begin(node.id, Action.STOP)
    scene.hosting.instance_is(node.id, State.READY)
    return {"variables": {"node_id": node.id}}


def _to_destroy(scene: Any) -> Options:
    return {"json": {"destroyNodeId": hosting_in(scene).running().id}}


def _exported(scene: Any) -> Options:
    node = hosting_in(scene).running()
    export = scene.hosting.machines.hosted.exports.begin(TENANT, node.id)
    scene.hosting.fleet.unhealthy.add(node.id)
    scene.hosting.consoles[node.id] = "booted\n"
    scene.hosting.settle()
    return {"variables": {"node_id": node.id}, "query": {"taskId": export.id}}


BODIES: dict[str, Any] = {
    "create_hosted_node": {"name": "a node", "network": NETWORK},
    "destroy_hosted_node": {"destroyNodeId": "01a1fd8c-4d3b-7a10-9c55-2f60d7a1e0b4"},
    "change_hosted_node_settings": {"settings": {"webhookUrl": "https://hooks.example/nodes"}},
}

PREPARED = {
    "show_hosted_document": lambda _: {},
    "list_hosted_nodes": prepared,
    "create_hosted_node": prepared,
    "destroy_hosted_node": _to_destroy,
    "get_hosted_node": running,
    "get_hosted_node_health": running,
    "get_latest_image": prepared,
    "upgrade_hosted_node": running,
    "start_hosted_node": _stopped,
    "stop_hosted_node": running,
    "change_hosted_node_settings": running,
    "get_webhook_public_key": prepared,
    "generate_certificate": running,
    "start_log_export": running,
    "get_log_export": _exported,
}
