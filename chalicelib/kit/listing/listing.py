"""`Listing`: the filters, orders and sources of one kind of list."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.kit.listing.filters import Fields
from chalicelib.kit.listing.keyed import page_by_keys
from chalicelib.kit.listing.matched import page_by_matching
from chalicelib.kit.listing.plan import INSERTED_AT, Counter, Enrich, make_plan
from chalicelib.kit.listing.request import ListPage, ListRequest
from chalicelib.kit.listing.sources import Direct, Source
from chalicelib.kit.tables import Item, Table, Tables


@dataclass(frozen=True)
class Listing:
    """One kind of list. ``sources`` are sorted from narrow to wide: the first whose filter is given as exact values is
    read, so the last one needs no filter.

    Every field except enriched ones must be decidable from a whole row: rows are matched again when the page is read.
    Rows have the attributes ``inserted_at`` (time of insertion) and ``id``.
    """

    table: Table
    fields: Fields
    sources: tuple[Source | Direct, ...]

    def __post_init__(self) -> None:
        last = self.sources[-1]
        if not isinstance(last, Source) or last.by is not None:
            raise ValueError(f"the last source of {self.table.name} must serve any request")
        if INSERTED_AT not in self.fields:
            raise ValueError(f"{self.table.name} needs a field inserted_at: it is the default order")

    def page(
        self,
        tables: Tables,
        request: ListRequest,
        *,
        now: datetime | None,
        read_limit: int,
        counter: Counter | None = None,
        enrich: Enrich | None = None,
    ) -> ListPage[Item]:
        """Read one page.

        In the order of insertion, with no filter other than the source's and a range of ``inserted_at``, it reads only
        the rows of the page and the keys before it. Any other request reads the chosen partitions completely.

        ``total_count`` is never less than what the page shows or skips. A counter is used if ``counter`` is given, the
        source has totals and its filter is the only one; it is about a second late, and ignored if it says less than
        the rows counted so far.

        ====================================  =============================================
        list                                  ``total_count``
        ====================================  =============================================
        read completely, or all keys counted  exact
        longer, with a counter                the counter's value, from about 1,000 rows on
        longer than ``read_limit``, without   lower bound: the rows counted so far
        ====================================  =============================================

        A row that an index shows but that is gone, or changed so that it no longer matches, is left out: while an index
        lags, a page can be shorter than ``page_size``, and the total off by such rows.

        ``enrich`` sets the attributes of enriched fields on items that hold at least the primary key; it is called once
        with what the other filters leave, only if a filter or the order needs it.

        Raises `EdgeError` (bad request) above ``read_limit`` rows or 64 MB read; it names the parameters that would
        help.
        """
        plan = make_plan(self.table, self.fields, self.sources, request, now, read_limit)
        return page_by_keys(plan, tables, counter) if plan.follows_keys else page_by_matching(plan, tables, enrich)
