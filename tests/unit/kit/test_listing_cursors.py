"""Pages by cursor: complete at any length, bounded in cost, and only for the list and caller they were made for."""

from datetime import timedelta

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.listing.walked import MOST_BYTES, MOST_EXAMINED
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.tables import put_new
from tests.support.fakes.clock import START, FakeClock
from tests.support.fakes.seals import PlainSeals
from tests.unit.kit.listing_rows import LISTED_AT_LIST, RUNS, SHARDED_LIST, SINGLE_LIST, make_row, make_rows, stored

LIMIT = 50
"""Rows that a list without a cursor may read: far fewer than there are."""


def lists_on(tables):
    return Lists(tables, FakeClock(), LIMIT, cursors=PlainSeals)


def walk(lists, listing, start="", **request):
    """All pages from this cursor to the last."""
    pages, cursor = [], start
    while cursor is not None:
        pages.append(lists.page(listing, ListRequest(cursor=cursor, **request)))
        cursor = pages[-1].next_cursor
    return pages


def ids(pages):
    return [item["id"] for page in pages for item in page.items]


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST, LISTED_AT_LIST])
def test_walk_goes_beyond_the_read_limit(listing):
    rows = make_rows(400)
    _, tables = stored(rows)

    pages = walk(lists_on(tables), listing, page_size=60)

    assert ids(pages) == [row["id"] for row in reversed(rows)]
    assert all(page.by_cursor for page in pages)


def test_page_of_a_walk_with_a_rare_match_reads_a_bounded_number_of_rows():
    rows = make_rows(6000)
    rows[3]["label"] = "rare"
    _, tables = stored(rows)
    lists = lists_on(tables)

    pages, units, cursor = [], [], ""
    while cursor is not None:
        tables.meter.reset()
        pages.append(lists.page(SHARDED_LIST, ListRequest(cursor=cursor, filters={"name": "rare"})))
        units.append(tables.meter.read_units)
        cursor = pages[-1].next_cursor

    assert ids(pages) == [rows[3]["id"]]
    assert len(pages) >= 6000 // (MOST_EXAMINED + 1000)
    assert max(units) < 2 * MOST_EXAMINED


def test_page_ends_after_a_bounded_number_of_bytes():
    rows = make_rows(150, label="x" * 300_000)
    _, tables = stored(rows)

    pages = walk(lists_on(tables), SINGLE_LIST, page_size=100, filters={"name": "y"})

    assert len(pages) > 1
    assert MOST_BYTES < 150 * 300_000


def test_row_inserted_during_a_walk_is_met_only_behind_its_position():
    rows = make_rows(10)
    fake, tables = stored(rows)
    lists = lists_on(tables)
    first = lists.page(SINGLE_LIST, ListRequest(page_size=4, cursor=""))
    fake.write(put_new(RUNS, make_row(99, START + timedelta(hours=1))))

    rest = walk(lists, SINGLE_LIST, start=first.next_cursor, page_size=4)

    assert ids([first, *rest]) == [row["id"] for row in reversed(rows)]


@pytest.mark.parametrize(
    "change", [{"filters": {"status": "open"}}, {"order": (("inserted_at", False),)}, {"filters": {"size": 3}}]
)
def test_cursor_of_another_list_is_refused(change):
    _, tables = stored(make_rows(10, status="open", size=3))
    lists = lists_on(tables)
    cursor = lists.page(SINGLE_LIST, ListRequest(page_size=4, cursor="")).next_cursor

    with pytest.raises(EdgeError) as refused:
        lists.page(SINGLE_LIST, ListRequest(page_size=4, cursor=cursor, **change))

    assert (refused.value.kind, list(refused.value.details)) == (Kind.BAD_REQUEST, ["cursor"])


def test_cursor_of_another_caller_is_refused():
    _, tables = stored(make_rows(10))
    lists = lists_on(tables)
    with working_for(Origin("1", "key:1")):
        cursor = lists.page(SINGLE_LIST, ListRequest(page_size=4, cursor="")).next_cursor

    with working_for(Origin("2", "key:2")), pytest.raises(EdgeError):
        lists.page(SINGLE_LIST, ListRequest(page_size=4, cursor=cursor))


@pytest.mark.parametrize("text", ["x", "....", "é", "AAAA", "A" * 10_000])
def test_text_that_is_no_cursor_is_refused(text):
    _, tables = stored(make_rows(10))

    with pytest.raises(EdgeError) as refused:
        lists_on(tables).page(SINGLE_LIST, ListRequest(cursor=text))

    assert refused.value.kind is Kind.BAD_REQUEST


def test_size_of_a_page_may_change_during_a_walk():
    rows = make_rows(30)
    _, tables = stored(rows)
    lists = lists_on(tables)
    first = lists.page(SHARDED_LIST, ListRequest(page_size=4, cursor=""))

    second = lists.page(SHARDED_LIST, ListRequest(page_size=40, cursor=first.next_cursor))

    assert ids([first, second]) == [row["id"] for row in reversed(rows)]
    assert second.next_cursor is None


@pytest.mark.parametrize(("listing", "calls"), [(SINGLE_LIST, 2), (SHARDED_LIST, 5)])
def test_page_without_filters_takes_a_query_for_each_partition_and_one_more(listing, calls):
    _, tables = stored(make_rows(400))

    lists_on(tables).page(listing, ListRequest(cursor=""))

    assert tables.meter.count == calls
