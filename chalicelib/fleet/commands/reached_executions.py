"""`ReachedExecutions`: the list of executions for callers with a restricted reach."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.fleet.clusters.model import Identified
from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.commands.part_store import Parts
from chalicelib.fleet.commands.store import ALL_EXECUTIONS, EXECUTIONS, execution_key
from chalicelib.fleet.reach import Reach, empty_page
from chalicelib.kit.listing import KeySource, Listing, ListPage, ListRequest, Lists, Text
from chalicelib.kit.tables import Item

MOST_READ = 5000
"""Executions of one command that a filter or another order than that of time may read; more are read by index."""

Within = Callable[[Reach], Sequence[Identified]]
"""Finds the clusters of a reach."""


class ReachedExecutions:
    """Lists executions by the clusters within reach, or, for one command, by the keys of its part. ``listing`` is the
    list of all executions.

    An execution stays with the cluster that its node was in when it was created. The total of a cluster that was made
    again under the name of a deleted one includes executions of that one.
    """

    def __init__(self, lists: Lists, parts: Parts, within: Within, listing: Listing) -> None:
        self._lists = lists
        self._reached_lists = ReachedLists(lists, within)
        self._parts = parts
        self._listing = listing
        by_id = KeySource(by="id", keys=lambda ids: [execution_key(row_id) for row_id in ids])
        self._by_id = Listing(EXECUTIONS, {**listing.fields, "id": Text("id")}, (by_id, ALL_EXECUTIONS))

    def page(self, request: ListRequest, reach: Reach) -> ListPage[Item]:
        """One page. Passes on the errors of `Lists.page`."""
        page = self._page(request, reach)
        return page.showing([row for row in page.items if reach.includes(str(row["node_cluster_id"]))])

    def _page(self, request: ListRequest, reach: Reach) -> ListPage[Item]:
        command_id = request.filters.get("command_id")
        if not command_id or request.cursor is not None:
            return self._reached_lists.page(self._listing, request, reach)
        ids = sorted(self._parts.executions(str(command_id), reach))
        by_time = [name for name, _ in request.order] == ["inserted_at"]
        if by_time and request.filters.keys() == {"command_id"}:
            in_order = ids[::-1] if request.order[0][1] else ids
            shown = in_order[request.offset : request.offset + request.page_size]
            rows = self._rows(replace(request, page=1), shown).items
            return ListPage(rows, request.page, request.page_size, len(ids))
        if len(ids) > MOST_READ:
            return self._reached_lists.page(self._listing, request, reach)
        return self._rows(request, ids)

    def _rows(self, request: ListRequest, ids: Sequence[str]) -> ListPage[Item]:
        if not ids:
            return empty_page(request)
        return self._lists.page(self._by_id, replace(request, filters={**request.filters, "id": ",".join(ids)}))
