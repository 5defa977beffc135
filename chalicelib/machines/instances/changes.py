"""The published events of instances. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.machines.instances.model import InstanceSpec
from chalicelib.machines.instances.rules import status_of
from chalicelib.platform.provisioning.model import Resource

STATUS_CHANGED = "machines.instance.status_changed"
"""The type of the event of a new instance, and of every change of an instance's status."""


def events_of(old: Resource | None, new: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The event of a change of an instance's row, if it changes the status. None stands for no row before."""
    previous, status = None if old is None else status_of(old), status_of(new)
    if status is previous:
        return
    spec = InstanceSpec.model_validate(new.spec)
    yield (
        STATUS_CHANGED,
        {
            "instance_id": new.id,
            "customer_id": new.tenant,
            "user_id": new.owner,
            "name": new.name,
            "status": status.value,
            "previous_status": None if previous is None else previous.value,
            "status_reason": new.reason or None,
            "template_id": spec.template_id,
            "zone": spec.zone,
            "provider_id": new.external.get("id"),
            "node_id": new.observed.get("node_id"),
            "cluster_name": spec.cluster_name,
            "inserted_at": new.inserted_at,
            "updated_at": new.updated_at,
        },
    )
