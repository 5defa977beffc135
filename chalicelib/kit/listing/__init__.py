"""Lists: filters, orders and pages over indexes, with a cost that follows the page and not the table.

A context describes its list once, as a `Listing`: the table, the fields that can be filtered and sorted by, and the
sources that rows can be read from, narrowest first. `Lists.page` answers a request in two steps.

**Plan** (`plan`). The first source whose filter was given as exact values is chosen: an `IndexSource` names partitions
of an index, a `KeySource` the primary keys themselves, a `TermSource` partitions of a table of terms, the smallest of
several that would do (`choosing`). Filters that the keys do not decide are left for later.

**Read.** There are two ways:

- *By keys* (`keyed`), if nothing is left to filter and the order is that of insertion. Only the page's rows and the
  keys before it are read. A first page takes at most 4 calls on one partition, and 2 + P on P partitions.
- *By matching* (`matched`), for any other filter or order. All entries of the chosen partitions are read, then
  filtered and sorted in memory. Above the read limit (rows) or 64 MB the request is refused, and the error names the
  filters that would help.

``total_count`` is exact or a lower bound:

========================================================  ==========================================================
case                                                      ``total_count``
========================================================  ==========================================================
by matching, or by a `KeySource`                          exact
by keys, of a source whose rows have a counter (`totals`) exact up to 1,000 rows; beyond that the counter's figure,
                                                          about a second late, unless rows counted so far exceed it
by keys, without a counter or in a range of inserted_at   exact up to the read limit; beyond that a lower bound, at
                                                          least the limit
========================================================  ==========================================================

On several partitions, 1,000 rows means an even share of 1,000 in each. The total is never less than what the page shows
or what stands before it. Indexes lag: a row that an index shows but that is gone, or no longer matches, is left out, so
that a page can be shorter than ``page_size``, and the total off by such rows.

A page by cursor (`walked`) goes on where the one before it ended: it reads in the order of insertion until it is full
or has examined a bounded number of rows, with any filters, and has no total.

Modules, each importing only those before it: `request` (question and answer), `fields` (kinds of fields, the grammar
of filter values), `members`, `filters`, `sources` (where rows are read), `plan`, `choosing`, `keyed`, `matched`,
`walked`, `cursors`, `listing`.
"""

from chalicelib.kit.listing.fields import (
    ALSO_IN,
    ANY_OF,
    EXACT,
    Choice,
    Column,
    Custom,
    Field,
    Flag,
    IsSet,
    Moment,
    Number,
    Text,
    Uuid,
)
from chalicelib.kit.listing.filters import Fields, filter_names, matches
from chalicelib.kit.listing.listing import Listing, Lists
from chalicelib.kit.listing.members import Member
from chalicelib.kit.listing.plan import Enrich, ReadTotal
from chalicelib.kit.listing.request import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    Filters,
    FilterValue,
    ListPage,
    ListRequest,
    Order,
    parse_order,
    parse_sort,
)
from chalicelib.kit.listing.sources import (
    BY_ID,
    LISTED_AT,
    IndexSource,
    Insertion,
    KeySource,
    TermSource,
    all_rows,
    as_given,
    fixed,
    rows_with,
    sharded,
)

__all__ = [
    "ALSO_IN",
    "ANY_OF",
    "BY_ID",
    "EXACT",
    "LISTED_AT",
    "NEWEST_FIRST",
    "OLDEST_FIRST",
    "Choice",
    "Column",
    "Custom",
    "Enrich",
    "Field",
    "Fields",
    "FilterValue",
    "Filters",
    "Flag",
    "IndexSource",
    "Insertion",
    "IsSet",
    "KeySource",
    "ListPage",
    "ListRequest",
    "Listing",
    "Lists",
    "Member",
    "Moment",
    "Number",
    "Order",
    "ReadTotal",
    "TermSource",
    "Text",
    "Uuid",
    "all_rows",
    "as_given",
    "filter_names",
    "fixed",
    "matches",
    "parse_order",
    "parse_sort",
    "rows_with",
    "sharded",
]
