"""Whether there is anything that a resource is charged for. Pure."""

from chalicelib.platform.provisioning.model import Resource, State

_KEPT = frozenset({State.READY, State.CHANGING, State.FAILED})


def is_there(resource: Resource) -> bool:
    """Whether its thing has been made, can be used, and is not being removed. One that has failed in another way, also
    by a removal that was refused, is there for as long as its provider shows it."""
    is_usable = resource.is_made and not resource.is_broken
    return is_usable and resource.state in _KEPT and not resource.is_released
