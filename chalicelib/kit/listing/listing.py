"""`Listing` describes one kind of list, `Lists` reads its pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.kit.clock import Clock
from chalicelib.kit.listing.choosing import choose
from chalicelib.kit.listing.cursors import Cursors, Seals, foreign_cursor
from chalicelib.kit.listing.filters import INSERTED_AT, Fields
from chalicelib.kit.listing.keyed import page_by_keys
from chalicelib.kit.listing.matched import page_by_matching
from chalicelib.kit.listing.plan import Enrich, ReadPlan, ReadTotal, make_plans
from chalicelib.kit.listing.request import ListPage, ListRequest
from chalicelib.kit.listing.sources import IndexSource, Source
from chalicelib.kit.listing.walked import page_by_cursor
from chalicelib.kit.tables import Item, Table, Tables
from chalicelib.kit.tables.tenants import Tenant


@dataclass(frozen=True)
class Listing:
    """The filters, orders and sources of one kind of list.

    ``sources`` are sorted from narrow to wide: the first whose filter is given as exact values is read (`choosing` says
    what is read where that is one of terms), so the last one needs no filter. Every field except enriched ones must be
    decidable from a whole row: rows are matched again when the page is read. Rows have the attributes ``inserted_at``
    (time of insertion) and ``id``.
    """

    table: Table
    fields: Fields
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        last = self.sources[-1]
        if not isinstance(last, IndexSource) or last.by is not None:
            raise ValueError(f"the last source of {self.table.name} must serve any request")
        if INSERTED_AT not in self.fields:
            raise ValueError(f"{self.table.name} needs a field inserted_at: it is the default order")


class Lists:
    """Reads pages of lists.

    ``read_limit`` is how many rows one request may examine. ``read_total`` reads a total by its name; without it, rows
    are counted as if no source had totals. ``cursors`` gives the seals of pages by cursor.
    """

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        read_limit: int,
        read_total: ReadTotal | None = None,
        cursors: Callable[[], Seals] | None = None,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._read_limit = read_limit
        self._read_total = read_total
        self._cursors = cursors

    def scoped(self, tenant: str) -> "Lists":
        """The lists of one tenant, in tenanted tables, with its own totals. Raises ValueError as `Tables.scoped`."""
        named, read_total = Tenant(tenant).name, self._read_total
        own = None if read_total is None else lambda total: read_total(named(total))
        return Lists(self._tables.scoped(tenant), self._clock, self._read_limit, own, self._cursors)

    def page(self, listing: Listing, request: ListRequest, *, enrich: Enrich | None = None) -> ListPage[Item]:
        """Read one page. The package's docstring says what it costs and when its total is exact.

        ``enrich`` sets the attributes of enriched fields on items that hold at least the primary key. It is called
        once, with what the other filters leave, and only if a filter or the order needs it.

        Raises `EdgeError` (bad request) above the read limit or 64 MB read; it names the parameters that would help.
        A page by cursor has no such limit; it raises `EdgeError` (bad request) for a cursor of another list.
        """
        now = self._clock.now()
        asked = (listing.table, listing.fields, listing.sources, request, now, self._read_limit)
        if request.cursor:
            return self._page_by_cursor(make_plans(*asked, every=True), request.cursor, enrich)
        plans = make_plans(*asked)
        plan = choose(plans, self._tables, self._read_total)
        if request.cursor is not None:
            return self._page_of_walk(plan, None, enrich)
        if plan.follows_keys:
            return page_by_keys(plan, self._tables, self._read_total)
        return page_by_matching(plan, self._tables, enrich)

    def _page_by_cursor(self, plans: Iterator[ReadPlan], cursor: str, enrich: Enrich | None) -> ListPage[Item]:
        """The page that a cursor leads to, by the plan that the pages before it were read by."""
        for plan in plans:
            position = self._cursors_of(plan).position_in(cursor)
            if position is not None:
                return self._page_of_walk(plan, position, enrich)
        raise foreign_cursor()

    def _page_of_walk(self, plan: ReadPlan, position: str | None, enrich: Enrich | None) -> ListPage[Item]:
        walk = page_by_cursor(plan, self._tables, position, enrich)
        following = None if walk.position is None else self._cursors_of(plan).cursor_at(walk.position)
        return ListPage(walk.items, 1, plan.request.page_size, 0, by_cursor=True, next_cursor=following)

    def _cursors_of(self, plan: ReadPlan) -> Cursors:
        if self._cursors is None:
            raise ValueError(f"this list of {plan.table.name} has no cursors")
        return Cursors(self._cursors, plan)
