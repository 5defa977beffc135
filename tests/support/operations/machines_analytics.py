"""The analytics API's operations."""

from typing import Any

from tests.support.builders import a_cluster, machines
from tests.support.operations.table import Options

HISTORY = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "interval": "day"}
BODIES: dict[str, Any] = {
    "query_analytics": {"instanceId": "00000000-0000-7000-8000-000000000000", "dataset": "topics", **HISTORY}
}


def with_a_history(scene: Any) -> Options:
    """A node that has enrolled, and whose events were recorded."""
    if "known_id" not in scene.variables:
        a_cluster(scene.world, "south")
        (machine,) = machines(scene.world, 1, "south")
        scene.world.settle()
        scene.variables["known_id"] = machine.id
    return {"variables": {"instance_id": scene.variables["known_id"]}}


def asked(scene: Any) -> Options:
    instance_id = with_a_history(scene)["variables"]["instance_id"]
    return {"json": {**BODIES["query_analytics"], "instanceId": instance_id}}


def named(scene: Any) -> list[tuple[Options, Options]]:
    """A question about an instance of the scene, and the same about an unknown one."""
    return [(asked(scene), {"json": BODIES["query_analytics"]})]


def as_it_is(_: Any) -> Options:
    return {}


ADDRESSED = {"query_analytics": named}

PREPARED = {
    "show_analytics_document": as_it_is,
    "list_instances_with_history": as_it_is,
    "get_instance_summary": with_a_history,
    "query_analytics": asked,
}
