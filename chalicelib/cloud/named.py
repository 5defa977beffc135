"""`Named`: the things of one kind that a tenant has, by id, by name, or by the beginning of an id."""

import re
from collections.abc import Callable, Sequence

from chalicelib.kit.errors import found, invalid
from chalicelib.kit.ids import is_id
from chalicelib.kit.listing import ListPage
from chalicelib.platform.provisioning.model import Resource, State
from chalicelib.platform.provisioning.service import Resources
from chalicelib.platform.provisioning.store import Fits

ResourcesOf = Callable[[str], Resources]
"""The resources of a tenant."""

_BEGINNING = re.compile(r"[0-9a-f-]{4,36}", re.IGNORECASE)


class Named:
    """``scope`` is that of the claims of names; "": names are not unique, or there are none. ``shares_names``: things
    are also found by a name that several may have, if only one has it. One that is gone is not shown."""

    def __init__(self, resources: ResourcesOf, kind: str, scope: str = "", *, shares_names: bool = False) -> None:
        self._resources = resources
        self._kind = kind
        self._scope = scope
        self._shares_names = shares_names

    def all(self, tenant: str) -> Sequence[Resource]:
        """All of a tenant, the newest first. One that was made a moment ago may be missing."""
        return [each for each in self._resources(tenant).every(self._kind) if self._is_shown(each)]

    def page(self, tenant: str, size: int, after: str = "") -> ListPage[Resource]:
        """Those behind the one with the id ``after``, the newest first (`Resources.page`)."""
        return self._page(tenant, size, after, lambda _: True)

    def get(self, tenant: str, wanted: str) -> Resource:
        """The thing of that id, of that name, or the only one whose id begins so. Raises `EdgeError` (not found),
        (validation failed) for a name or a beginning that several have."""
        own = self._resources(tenant)
        resource = own.find(self._kind, wanted.lower()) if is_id(wanted) else None
        resource = resource or self._of_name(own, wanted) or self._of_beginning(own, wanted.lower())
        return found(resource if resource is not None and self._is_shown(resource) else None)

    def delete(self, tenant: str, wanted: str) -> None:
        """Have it removed. Raises `EdgeError` (not found), (conflict) while others refer to it."""
        resource = self.get(tenant, wanted)
        self._resources(tenant).delete(self._kind, resource.id, f"{self._kind}.deleted", check=self._check_deletable)

    def _page(self, tenant: str, size: int, after: str, fits: Fits) -> ListPage[Resource]:
        return self._resources(tenant).page(self._kind, size, after, lambda each: self._is_shown(each) and fits(each))

    def _of_name(self, own: Resources, name: str) -> Resource | None:
        if is_id(name):
            return None  # it would be found by a text that names another thing to policies
        if self._scope:
            holder = own.holder_of(f"{self._scope}/{name}")
            return None if holder is None else own.find(self._kind, holder)
        if not self._shares_names:
            return None
        return self._only(name, own.search(self._kind, lambda each: each.name == name and self._is_shown(each)))

    def _of_beginning(self, own: Resources, text: str) -> Resource | None:
        if is_id(text) or not may_begin_id(text):
            return None
        return self._only(text, own.search(self._kind, self._is_shown, begins=text))

    def _only(self, wanted: str, resources: Sequence[Resource]) -> Resource | None:
        if len(resources) > 1:
            raise invalid(f"{self._kind}_id", f"{wanted[:64]!r} is that of several: give the whole id")
        return next(iter(resources), None)

    def _is_shown(self, resource: Resource) -> bool:
        return resource.state is not State.GONE

    def _check_deletable(self, resource: Resource) -> None:
        """Raises `EdgeError` (bad request, conflict) for one that cannot be deleted as it is now."""


def may_begin_id(text: str) -> bool:
    """Whether an id may begin so, and the text is long enough to mean one thing."""
    return _BEGINNING.fullmatch(text) is not None
