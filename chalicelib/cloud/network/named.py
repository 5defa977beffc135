"""`Named`: the things of one kind that a tenant has, by id or by the name that a claim holds."""

from collections.abc import Callable, Sequence

from chalicelib.kit.errors import found
from chalicelib.kit.ids import normalise_uuid
from chalicelib.platform.provisioning.model import Resource, State
from chalicelib.platform.provisioning.service import Resources

ResourcesOf = Callable[[str], Resources]
"""The resources of a tenant."""


class Named:
    """``scope`` is that of the claims of names; "": things of this kind are found by id alone. One that is gone is
    not shown."""

    def __init__(self, resources: ResourcesOf, kind: str, scope: str = "") -> None:
        self._resources = resources
        self._kind = kind
        self._scope = scope

    def all(self, tenant: str) -> Sequence[Resource]:
        """All of a tenant, the newest first. One that was made a moment ago may be missing."""
        return [each for each in self._resources(tenant).every(self._kind) if each.state is not State.GONE]

    def get(self, tenant: str, wanted: str) -> Resource:
        """The thing of that id, or of that name. Raises `EdgeError` (not found)."""
        own = self._resources(tenant)
        resource = own.find(self._kind, wanted.lower()) if is_id(wanted) else None
        if resource is None and self._scope:
            holder = own.holder_of(f"{self._scope}/{wanted}")
            resource = None if holder is None else own.find(self._kind, holder)
        return found(None if resource is None or resource.state is State.GONE else resource)

    def delete(self, tenant: str, wanted: str) -> None:
        """Have it removed. Raises `EdgeError` (not found), (conflict) while others refer to it."""
        resource = self.get(tenant, wanted)
        self._resources(tenant).delete(self._kind, resource.id, f"{self._kind}.deleted", check=self._check_deletable)

    def _check_deletable(self, resource: Resource) -> None:
        """Raises `EdgeError` (bad request, conflict) for one that cannot be deleted as it is now."""


def is_id(text: str) -> bool:
    """Whether it has the form of an id."""
    try:
        normalise_uuid(text)
    except ValueError:
        return False
    return True
