"""The cloud's operations on instances."""

from typing import Any

from chalicelib.cloud.compute.model import Launch
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.kit.tables import Put
from chalicelib.machines.public import NODE_ID
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal, PrincipalKind
from chalicelib.platform.provisioning.model import Power, Resource, State
from chalicelib.platform.provisioning.store import RESOURCES, to_item
from tests.support.builders import a_cluster, machines
from tests.support.fakes.ec2 import BY_ZONE, SECURITY_GROUP
from tests.support.operations.table import Options

NOTHING = "01900000-0000-7000-8000-0000000000fe"

SETTINGS: dict[str, Any] = {
    "machine_providers": ("ec2", "local"),
    "machine_subnets": tuple(f"{zone}={subnet}" for zone, subnet in BY_ZONE.items()),
    "machine_security_groups": (SECURITY_GROUP,),
}

VARIABLES = {"instance_id": NOTHING, "key": "role", "volume_id": NOTHING, "snapshot_id": NOTHING}

BODIES: dict[str, Any] = {
    "launch_instance": {"name": "web-1", "image": "ubuntu-24.04"},
    "update_instance": {"status": "STOPPED"},
    "resize_instance": {"instance_type": "standard-1"},
    "change_instance_metadata": {"metadata": {"owner": "bob"}},
    "add_instance_tags": {"tags": {"role": "db"}},
    "create_volume": {"name": "database", "size_gb": 20},
    "attach_volume": {"instance_id": NOTHING, "mount_path": "/data"},
    "create_snapshot": {"volume_id": NOTHING},
    "restore_snapshot": {"new_volume_name": "database-2"},
}


def instance_in(
    scene: Any,
    state: State,
    *,
    tenant: str = DEFAULT_TENANT,
    image: str = "ubuntu-22.04",
    is_paused: bool = False,
    subnet_id: str = "",
    **values: Any,
) -> Resource:
    """An instance of a tenant that is in this state, as if EC2 had made it."""
    by = Principal(id="key-of-a-test", kind=PrincipalKind.KEY, tenant=tenant)
    wanted = Launch(name="web-1", image=image, instance_type="basic-2", subnet_id=subnet_id, labels={"role": "web"})
    made = scene.cloud.instances.launch(by, wanted)
    rest = {"due_at": "2099-01-01T00:00:00Z", "done_generation": 1, "asked_generation": 1, "is_seen": True}
    spec = {**made.spec, **({"is_paused": True} if is_paused else {})}
    placed = {"state": state, "spec": spec, "external": {"id": f"i-{made.id}"}, **rest, **values}
    changed = made.model_copy(update=placed)
    scene.world.platform.tables.scoped(tenant).write(Put(RESOURCES, to_item(changed)), "test.placed")
    return changed


_BY = Principal(id="key-of-a-test", kind=PrincipalKind.KEY)


def settled(scene: Any, made: Resource, external_id: str) -> Resource:
    """A new resource as if EC2 had made it."""
    rest = {"due_at": "2099-01-01T00:00:00Z", "done_generation": 1, "asked_generation": 1, "is_seen": True}
    changed = made.model_copy(update={"state": State.READY, "external": {"id": external_id}, **rest})
    scene.world.platform.tables.scoped(made.tenant).write(Put(RESOURCES, to_item(changed)), "test.placed")
    return changed


def _a_volume(scene: Any) -> Options:
    if scene.variables["volume_id"] == NOTHING:
        made = settled(scene, scene.cloud.volumes.create(_BY, "database", 20), "vol-1")
        scene.variables["volume_id"] = made.id
        scene.bodies["create_snapshot"] = {"volume_id": made.id}
    return {}


def _a_volume_and_an_instance(scene: Any) -> Options:
    _a_volume(scene)
    scene.variables["instance_id"] = instance_in(scene, State.READY).id
    body = {"instance_id": scene.variables["instance_id"], "mount_path": "/data"}
    scene.bodies["attach_volume"] = body
    return {}


def _an_attached_volume(scene: Any) -> Options:
    _a_volume_and_an_instance(scene)
    names = (scene.variables["volume_id"], scene.variables["instance_id"])
    settled(scene, scene.cloud.volumes.attach(DEFAULT_TENANT, *names, "/data"), "vol-1")
    return {}


def _a_snapshot(scene: Any) -> Options:
    _a_volume(scene)
    made = scene.cloud.snapshots.create(_BY, scene.variables["volume_id"], "before")
    scene.variables["snapshot_id"] = settled(scene, made, "snap-1").id
    return {}


def _as_it_is(_: Any) -> Options:
    return {}


def _on(state: State = State.READY, **values: Any) -> Any:
    def prepare(scene: Any) -> Options:
        scene.variables["instance_id"] = instance_in(scene, state, **values).id
        return {}

    return prepare


_RUNNING, _STOPPED = _on(), _on(power=Power.OFF)
_PAUSED = _on(power=Power.OFF, is_paused=True)

HOST_TEXT = """node_cpu_seconds_total{cpu="0",mode="user"} 20
node_cpu_seconds_total{cpu="1",mode="user"} 20
node_load1 0.5
node_memory_MemTotal_bytes 1073741824
node_memory_MemAvailable_bytes 805306368
"""
"""The metrics of a machine with two processors."""


def _telling(scene: Any) -> Options:
    """An instance that is a node, whose agent has told of its machine."""
    a_cluster(scene.world, "engines")
    (machine,) = machines(scene.world, 1, "engines")
    scene.world.fleet.metrics.nodes.push(machine.id, MetricsType.HOST, HOST_TEXT)
    return dict(_on(observed={NODE_ID: machine.id})(scene))


PREPARED: dict[str, Any] = {
    "list_instance_types": _as_it_is,
    "list_cloud_instances": _as_it_is,
    "launch_instance": _as_it_is,
    "get_cloud_instance": _RUNNING,
    "terminate_instance": _RUNNING,
    "read_instance_logs": _RUNNING,
    "get_instance_console": _RUNNING,
    "get_instance_stats": _telling,
    "update_instance": _RUNNING,
    "start_cloud_instance": _STOPPED,
    "stop_cloud_instance": _RUNNING,
    "pause_instance": _RUNNING,
    "resume_instance": _PAUSED,
    "resize_instance": _RUNNING,
    "change_instance_metadata": _RUNNING,
    "get_instance_tags": _RUNNING,
    "add_instance_tags": _RUNNING,
    "remove_instance_tag": _RUNNING,
    "create_volume": _as_it_is,
    "list_volumes": _as_it_is,
    "get_volume": _a_volume,
    "delete_volume": _a_volume,
    "attach_volume": _a_volume_and_an_instance,
    "detach_volume": _an_attached_volume,
    "create_snapshot": _a_volume,
    "list_snapshots": _as_it_is,
    "get_snapshot": _a_snapshot,
    "delete_snapshot": _a_snapshot,
    "restore_snapshot": _a_snapshot,
}
