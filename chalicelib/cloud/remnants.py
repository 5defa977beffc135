"""The resources that a deleted tenant has left: such as have failed with nothing there, and take no quota."""

from itertools import islice
from typing import Any

from chalicelib.cloud import gone
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.queues import Message
from chalicelib.platform.context import Task
from chalicelib.platform.provisioning.model import Desired, Resource, State
from chalicelib.platform.provisioning.service import Resources


def _remove_chunk(cloud: Any, message: Message) -> str | None:
    """Have the next of these removed, of any kind, so that their rows go as those of any other; returns the cursor of
    the next chunk if there are more. One that others refer to waits for the second pass: they are gone by then."""
    resources: Resources = cloud.platform.resources(message["id"])
    left = (each for kind in sorted(cloud.platform.families.kinds) for each in resources.every(kind))
    removed = (each for each in left if _is_left(each) and _remove(resources, each))
    count = sum(1 for _ in islice(removed, gone.MOST))
    return gone.next_cursor(message.get("cursor")) if count == gone.MOST else None


REMNANTS = Task(_remove_chunk)
"""A part of `TENANT_GONE`."""


def _remove(resources: Resources, resource: Resource) -> bool:
    """Whether it is being removed now. Raises `EdgeError` (service unavailable)."""
    try:
        resources.delete(resource.kind, resource.id, "tenant.emptied")
    except EdgeError as error:
        if error.kind not in {Kind.CONFLICT, Kind.NOT_FOUND}:
            raise
        return False
    return True


def _is_left(resource: Resource) -> bool:
    """Whether nothing removes it unless it is asked for."""
    has_ended = resource.state is State.FAILED and resource.is_released
    return has_ended or resource.desired is Desired.PRESENT
