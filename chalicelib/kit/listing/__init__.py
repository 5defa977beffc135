"""Lists: filters, orders and pages over indexes, with a cost that follows the page and not the table."""

from chalicelib.kit.listing.fields import Choice, Column, Custom, Field, Flag, Moment, Number, Presence, Text, Uuid
from chalicelib.kit.listing.filters import Fields, filter_names, matches
from chalicelib.kit.listing.listing import Listing
from chalicelib.kit.listing.order import parse_order
from chalicelib.kit.listing.plan import Counter, Enrich
from chalicelib.kit.listing.request import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    Filters,
    FilterValue,
    ListPage,
    ListRequest,
    Order,
)
from chalicelib.kit.listing.sources import (
    BY_ID,
    LISTED_AT,
    Direct,
    Insertion,
    Source,
    all_rows,
    as_given,
    fixed,
    rows_with,
    sharded,
)

__all__ = [
    "BY_ID",
    "LISTED_AT",
    "NEWEST_FIRST",
    "OLDEST_FIRST",
    "Choice",
    "Column",
    "Counter",
    "Custom",
    "Direct",
    "Enrich",
    "Field",
    "Fields",
    "FilterValue",
    "Filters",
    "Flag",
    "Insertion",
    "ListPage",
    "ListRequest",
    "Listing",
    "Moment",
    "Number",
    "Order",
    "Presence",
    "Source",
    "Text",
    "Uuid",
    "all_rows",
    "as_given",
    "filter_names",
    "fixed",
    "matches",
    "parse_order",
    "rows_with",
    "sharded",
]
