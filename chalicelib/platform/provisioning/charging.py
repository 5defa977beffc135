"""Whether there is anything that a resource is charged for. Pure."""

from chalicelib.platform.provisioning.model import Desired, Resource, State

_KEPT = frozenset({State.READY, State.CHANGING, State.FAILED})


def is_usable(resource: Resource) -> bool:
    """Whether its thing has been made, can be used, and was not lost."""
    return resource.is_made and not resource.is_broken and not resource.is_released


def is_there(resource: Resource) -> bool:
    """Whether its thing is there and can be used. One that has failed is, for as long as its provider shows it. One
    that shall go is, if it ever was ready, until its provider is asked to remove it; and again once that was refused,
    or has had no effect."""
    is_kept = resource.state in _KEPT or (resource.state is State.DELETING and resource.done_generation > 0)
    return is_kept and is_usable(resource) and not _may_be_gone(resource)


def _may_be_gone(resource: Resource) -> bool:
    """Also while its provider is being asked: the worker may end before it has written the answer."""
    is_asked = resource.desired is Desired.ABSENT and resource.leased_until is not None
    return resource.is_going or is_asked
