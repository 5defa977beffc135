"""`ReachedLists`: pages of lists of rows that belong to clusters, within the reach of a caller."""

from collections.abc import Callable, Sequence

from chalicelib.fleet.clusters.model import Identified
from chalicelib.fleet.reach import Reach, empty_page, narrowed
from chalicelib.kit.listing import Enrich, Listing, ListPage, ListRequest, Lists
from chalicelib.kit.tables import Item


class ReachedLists:
    """Reads pages; ``within`` finds the clusters of a reach. A restricted caller's page costs one or two reads more,
    for the names of the clusters; otherwise it costs what it does with these names as an exact filter."""

    def __init__(self, lists: Lists, within: Callable[[Reach], Sequence[Identified]]) -> None:
        self._lists = lists
        self._within = within

    def page(
        self,
        listing: Listing,
        request: ListRequest,
        reach: Reach,
        *,
        enrich: Enrich | None = None,
        parameter: str = "cluster_name",
    ) -> ListPage[Item]:
        """One page; items and total count only what is within reach. ``parameter`` is the list's filter by the name of
        the cluster. Passes on the errors of `Lists.page`."""
        cut: ListRequest | None = request
        if not reach.is_everywhere:
            cut = narrowed(request, [cluster.name for cluster in self._within(reach)], parameter)
        if cut is None:
            return empty_page(request)
        return self._lists.page(listing, cut, enrich=enrich)
