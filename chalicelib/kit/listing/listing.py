"""`Listing` describes one kind of list, `Lists` reads its pages."""

from dataclasses import dataclass

from chalicelib.kit.clock import Clock
from chalicelib.kit.listing.keyed import page_by_keys
from chalicelib.kit.listing.matched import page_by_matching
from chalicelib.kit.listing.plan import INSERTED_AT, Enrich, Fields, ReadTotal, make_plan
from chalicelib.kit.listing.request import ListPage, ListRequest
from chalicelib.kit.listing.sources import IndexSource, KeySource
from chalicelib.kit.tables import Item, Table, Tables


@dataclass(frozen=True)
class Listing:
    """The filters, orders and sources of one kind of list.

    ``sources`` are sorted from narrow to wide: the first whose filter is given as exact values is read, so the last one
    needs no filter. Every field except enriched ones must be decidable from a whole row: rows are matched again when
    the page is read. Rows have the attributes ``inserted_at`` (time of insertion) and ``id``.
    """

    table: Table
    fields: Fields
    sources: tuple[IndexSource | KeySource, ...]

    def __post_init__(self) -> None:
        last = self.sources[-1]
        if not isinstance(last, IndexSource) or last.by is not None:
            raise ValueError(f"the last source of {self.table.name} must serve any request")
        if INSERTED_AT not in self.fields:
            raise ValueError(f"{self.table.name} needs a field inserted_at: it is the default order")


class Lists:
    """Reads pages of lists.

    ``read_limit`` is how many rows one request may examine. ``read_total`` reads a total by its name; without it, rows
    are counted as if no source had totals.
    """

    def __init__(self, tables: Tables, clock: Clock, read_limit: int, read_total: ReadTotal | None = None) -> None:
        self._tables = tables
        self._clock = clock
        self._read_limit = read_limit
        self._read_total = read_total

    def page(self, listing: Listing, request: ListRequest, *, enrich: Enrich | None = None) -> ListPage[Item]:
        """Read one page. The package's docstring says what it costs and when its total is exact.

        ``enrich`` sets the attributes of enriched fields on items that hold at least the primary key. It is called
        once, with what the other filters leave, and only if a filter or the order needs it.

        Raises `EdgeError` (bad request) above the read limit or 64 MB read; it names the parameters that would help.
        """
        plan = make_plan(listing.table, listing.fields, listing.sources, request, self._clock.now(), self._read_limit)
        if plan.follows_keys:
            return page_by_keys(plan, self._tables, self._read_total)
        return page_by_matching(plan, self._tables, enrich)
