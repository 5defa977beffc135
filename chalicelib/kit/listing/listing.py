"""`Listing`: what one kind of list can be filtered and sorted by, and where its rows are read."""

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
    """``sources`` stand narrowest first; the first whose filter is given as exact values is read, so the last has none.

    Every field but the enriched ones must be decidable on a whole row: rows are matched again when the page is read.
    The row's time of insertion is its attribute ``inserted_at``, its id ``id``.
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
        """The rows of one page.

        In the order of insertion, with no filters but that of a source and a range of ``inserted_at``, only the page's
        rows and the keys before it are read. Anything else reads the chosen partitions whole.

        ``total_count`` is exact, but for two cases. Where the source has totals, its filter is the only one (a range of
        ``inserted_at`` is another), the order is that of insertion and ``counter`` is given, it is what the totals say
        once a partition holds more than its even share of 1,000 rows; they are not believed where they say less than
        was counted by then. Any other key range that holds more than ``read_limit`` rows, and this one then, is said to
        have what was counted so far, at least that limit. It is never less than what the page shows or steps over.
        A row that an index shows but that is gone, or changed so that it no longer matches, is left out: while an
        index lags, a page can be shorter than ``page_size`` and the total off by such rows.
        ``enrich`` sets the attributes of enriched fields on items that hold at least the primary key; it is called once
        with what the other filters leave, only if a filter or the order needs it.

        Raises EdgeError bad_request above ``read_limit`` rows or 64 MB read, with the parameters that would help.
        """
        plan = make_plan(self.table, self.fields, self.sources, request, now, read_limit)
        return page_by_keys(plan, tables, counter) if plan.follows_keys else page_by_matching(plan, tables, enrich)
