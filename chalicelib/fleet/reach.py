"""`Reach`: the clusters that a caller may see and act on.

A row belongs to a cluster. Rows outside of a caller's reach are answered exactly as rows that do not exist. Readers and
use cases that operators call take a reach without a default, so that none forgets it; workers, agents and other
families pass `EVERYWHERE`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from chalicelib.kit.errors import not_found
from chalicelib.kit.listing import ANY_OF, EXACT, ListPage, ListRequest, Text

CLUSTERS = "clusters"
"""The name of the restriction of principals to clusters; its values are ids of clusters."""


@dataclass(frozen=True)
class Reach:
    """Clusters by id. None: all there are and will be; empty: none."""

    cluster_ids: frozenset[str] | None

    @property
    def is_everywhere(self) -> bool:
        return self.cluster_ids is None

    def includes(self, cluster_id: str) -> bool:
        """Whether the cluster is one of them."""
        return self.cluster_ids is None or cluster_id in self.cluster_ids

    def covers(self, cluster_ids: Iterable[str]) -> bool:
        """Whether all of these clusters are."""
        return self.cluster_ids is None or self.cluster_ids.issuperset(cluster_ids)

    def meets(self, cluster_ids: Iterable[str]) -> bool:
        """Whether one of these clusters is."""
        return self.cluster_ids is None or not self.cluster_ids.isdisjoint(cluster_ids)


EVERYWHERE = Reach(None)


class Restricted(Protocol):
    """A principal, with the ids that it is restricted to by the name of the restriction."""

    @property
    def restrictions(self) -> Mapping[str, frozenset[str]]: ...


def reach_of(principal: Restricted) -> Reach:
    """The clusters that the principal is restricted to. Restrictions of other kinds alone, which say nothing about the
    fleet, leave nothing of it."""
    if not principal.restrictions:
        return EVERYWHERE
    return Reach(principal.restrictions.get(CLUSTERS, frozenset()))


class InCluster(Protocol):
    """A thing that belongs to a cluster."""

    @property
    def cluster_id(self) -> str: ...


Thing = TypeVar("Thing", bound=InCluster)


def reached(thing: Thing | None, reach: Reach) -> Thing:
    """The thing. Raises `EdgeError` (not found) if there is none within reach."""
    if thing is None or not reach.includes(thing.cluster_id):
        raise not_found()
    return thing


def narrowed(request: ListRequest, names: Collection[str], parameter: str) -> ListRequest | None:
    """The request for rows of the clusters of these names only: the filter ``parameter``, which is about the name of
    the cluster, alone or as a list, becomes the exact names that it admits. None if it admits none: an empty list."""
    listed = f"{parameter}__{ANY_OF}"
    admitted: set[str] = set(names)
    for name, operator in ((parameter, EXACT), (listed, ANY_OF)):
        if wanted := request.filters.get(name):
            test = _test_of(operator, str(wanted))
            admitted = {one for one in admitted if test(one)}
    if not admitted:
        return None
    left = {name: value for name, value in request.filters.items() if name != listed}
    return replace(request, filters={**left, parameter: ",".join(sorted(admitted))})


def empty_page(request: ListRequest) -> ListPage[Any]:
    """The page of a list without any rows within reach."""
    return ListPage([], request.page, request.page_size, 0, by_cursor=request.cursor is not None)


def _test_of(operator: str, wanted: str) -> Callable[[str], bool]:
    test = Text("name").test(operator, wanted, None)
    return lambda name: test({"name": name})
