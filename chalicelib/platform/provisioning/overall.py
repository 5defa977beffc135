"""`AllResources`: the resources of all tenants, for the operator of the installation and for events of providers."""

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.kit.clock import Clock
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.listing.request import FilterValue
from chalicelib.platform.provisioning.model import Resource
from chalicelib.platform.provisioning.resource_store import Name, ResourceStore
from chalicelib.platform.provisioning.store import FITS, Fits, from_whole, listing_of_all


class AllResources:
    """Finds resources whose tenant is not known. Indexes lag by about a second: a new one may not be found yet."""

    def __init__(self, store: ResourceStore, lists: Lists, clock: Clock) -> None:
        self._store = store
        self._lists = lists
        self._clock = clock

    def page(
        self, kind: str, filters: Mapping[str, FilterValue], page: int, limit: int, fits: Fits | None = None
    ) -> tuple[list[Resource], int]:
        """A page of the resources of a kind, newest first, and how many there are in all. ``filters``: ``tenant``,
        ``owner``, ``name``, ``state``, and ranges of ``inserted_at`` and ``updated_at`` (`kit.listing`); ``fits`` is a
        test of the caller's own, for which all rows that the filters leave are read. Raises `EdgeError` (bad request)
        for a request that reads too many rows."""
        own = {} if fits is None else {FITS: True}
        request = ListRequest(page=page, page_size=limit, filters={**filters, **own})
        found = self._lists.page(listing_of_all(kind, fits), request)
        return [from_whole(row) for row in found.items], found.total_count

    def every(self, kind: str, first: int = 0) -> Iterator[list[Resource]]:
        """All resources of a kind, also those that are gone while their rows are kept, some hundreds at a time: in no
        order, but each call of the same ``first`` begins with the same ones."""
        yield from map(self._read, self._store.named_of_kind(kind, first))

    def names(self, kind: str) -> Iterator[list[Name]]:
        """The tenants and ids of the same, without a read of their rows."""
        return self._store.named_of_kind(kind)

    def find(self, kind: str, resource_id: str) -> Resource | None:
        """The resource of that id, or None."""
        return next((each for each in self.resources_of([resource_id]) if each.kind == kind), None)

    def published(self, kind: str, most: int) -> list[Resource]:
        """The newest resources of a kind that all tenants may see: a query, and one read per 100."""
        return self._read(self._store.published(kind, most))

    def resources_of(self, ids: Sequence[str]) -> list[Resource]:
        """The resources of these ids, those that are there. A query each, and one read per 100."""
        return self._read(self._store.named_by_id(ids))

    def of_external(self, kind: str, external_ids: Sequence[str]) -> list[Resource]:
        """The resources of things with these ids at their provider."""
        return self._read(self._store.named_by_external(kind, external_ids))

    def wake(self, kind: str, resource_id: str) -> bool:
        """Have a resource looked at now; False if there is none that needs looks."""
        return self._wake(self.resources_of([resource_id]), kind)

    def wake_external(self, kind: str, external_id: str) -> bool:
        """The same for the resource of a thing with this id at its provider."""
        return self._wake(self.of_external(kind, [external_id]), kind)

    def _wake(self, resources: Sequence[Resource], kind: str) -> bool:
        now = self._clock.now()
        woken = [
            self._store.wake((each.tenant, each.id), now, "resource.woken") for each in resources if each.kind == kind
        ]
        return any(woken)

    def _read(self, names: Sequence[Name]) -> list[Resource]:
        now = self._clock.now().timestamp()
        every = self._store.find_many(names)
        return [each for each in every if each.expires_epoch is None or each.expires_epoch > now]
