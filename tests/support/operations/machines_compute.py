"""The compute API's operations."""

from typing import Any

from chalicelib.kit.tables import Put
from chalicelib.machines.instances.service import NewInstance
from chalicelib.platform.provisioning.model import Power, Resource, State
from chalicelib.platform.provisioning.store import RESOURCES, to_item
from tests.support.builders import a_customer
from tests.support.operations.table import Options

OWNER = "key-of-a-test"


def as_it_is(_: Any) -> Options:
    return {}


def instance_in(scene: Any, state: State, *, tenant: str = "default", name: str = "", **values: Any) -> Resource:
    """An instance of a tenant that is in this state, as if its provider had made it."""
    wanted = NewInstance(template_id="local-small", zone="local-a", name=name or None)
    made = scene.machines.instances.create(tenant, OWNER, wanted)
    rest = {"due_at": "2099-01-01T00:00:00Z", "done_generation": 1, "asked_generation": 1, "is_seen": True}
    changed = made.model_copy(update={"state": state, "external": {"id": f"p-{made.id}"}, **rest, **values})
    scene.world.platform.tables.scoped(tenant).write(Put(RESOURCES, to_item(changed)), "test.placed")
    return changed


def _on(state: State, **values: Any) -> Any:
    def prepare(scene: Any) -> Options:
        return {"variables": {"instance_id": instance_in(scene, state, **values).id}}

    return prepare


_RUNNING, _STOPPED = _on(State.READY), _on(State.READY, power=Power.OFF)


def _registered(scene: Any) -> Options:
    a_customer(scene.world, scene.variables["customer_id"])
    return {}


BODIES: dict[str, Any] = {
    "create_instance": {"templateID": "local-small", "zone": "local-a"},
    "change_customer": {"tier": "pro"},
}

PREPARED = {
    "show_compute_document": as_it_is,
    "list_apis_of_machines_host": as_it_is,
    "list_templates": as_it_is,
    "list_zones": as_it_is,
    "create_instance": as_it_is,
    "list_instances": as_it_is,
    "get_instance": _RUNNING,
    "delete_instance": _RUNNING,
    "stop_instance": _RUNNING,
    "start_instance": _STOPPED,
    "restart_instance": _RUNNING,
    "reset_instance": _RUNNING,
    "admin_list_instances": as_it_is,
    "admin_get_instance": _RUNNING,
    "admin_delete_instance": _RUNNING,
    "admin_stop_instance": _RUNNING,
    "admin_start_instance": _STOPPED,
    "admin_restart_instance": _RUNNING,
    "admin_reset_instance": _RUNNING,
    "change_customer": _registered,
}
