"""Whatever the rows, filters, order, page and sources: a list answers what filtering and sorting all rows would."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.kit.listing import LISTED_AT, IndexSource, Listing, ListRequest, Lists, fixed
from chalicelib.kit.listing.fields import text_test
from tests.support.fakes.clock import START, FakeClock
from tests.support.fakes.seals import PlainSeals
from tests.unit.kit.listing_rows import (
    ALL,
    BY_NAME,
    BY_OWNER,
    BY_STATUS,
    BY_TEAM,
    FIELDS,
    LISTED,
    RUNS,
    SINGLE,
    TEAM_IDS,
    make_row,
    stored,
)

OWNERS = ["0198c0de-0000-7000-8000-00000000aaaa", "0198c0de-0000-7000-8000-00000000bbbb"]
NOW = START + timedelta(seconds=30)
MOMENTS = st.integers(min_value=-3, max_value=60).map(lambda tenths: START + timedelta(milliseconds=100 * tenths))
TIMES = st.sampled_from([f"2026-11-21T10:00:0{second}Z" for second in range(6)])
SOURCES = st.sampled_from(
    [
        (BY_NAME, BY_OWNER, BY_TEAM, BY_STATUS, ALL),
        (BY_STATUS, BY_TEAM, ALL),
        (BY_OWNER, BY_STATUS, SINGLE),
        (ALL,),
        (SINGLE,),
        (LISTED,),
        (IndexSource("all", fixed("0", "1", "2", "3"), insertion=None),),
    ]
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {"at": MOMENTS},
        optional={
            "label": st.sampled_from(["alpha", "Beta", "beta", "a_b", "100%"]),
            "team_name": st.sampled_from(sorted(TEAM_IDS)),
            "status": st.sampled_from(["open", "done"]),
            "owner_id": st.sampled_from(OWNERS),
            "is_whole": st.booleans(),
            "size": st.integers(min_value=0, max_value=4),
            "ends_at": st.sampled_from(["2026-11-21T10:00:10Z", "2026-11-21T10:00:50Z"]),
            "seen_at": TIMES,
            "updated_at": TIMES,
        },
    ),
    max_size=40,
)

BOUNDS = TIMES | st.sampled_from(["2026-11-21", "2026-11-20", "2026-11-21T12:00:01.3+02:00", "2026-11-21T10:00:02.7Z"])
VALUES = {
    "name": st.sampled_from(["alpha", "be*", "*a", "alpha, beta", "", "a_b", "1*%"]),
    "team_name": st.sampled_from(["red", "red,blue", "r*", "violet", "", "red,violet"]),
    "status": st.sampled_from(["open", "done", "lost"]),
    "owner_id": st.sampled_from([*OWNERS, OWNERS[0].upper()]),
    "is_whole": st.booleans(),
    "size": st.integers(min_value=0, max_value=4),
    "size__gte": st.integers(min_value=0, max_value=4),
    "has_size": st.booleans(),
    "is_boundless": st.booleans(),
    "is_over": st.booleans(),
    "seen_at__gte": BOUNDS,
    "inserted_at__gte": BOUNDS,
    "inserted_at__lte": BOUNDS,
    "updated_at__lte": BOUNDS,
}
FILTERS = st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names})
)
SORTABLE = ["name", "team_name", "status", "size", "is_whole", "seen_at", "inserted_at", "updated_at"]
ORDERS = st.just((("inserted_at", True),)) | st.lists(
    st.tuples(st.sampled_from(SORTABLE), st.booleans()), min_size=1, max_size=3, unique_by=lambda term: term[0]
).map(tuple)


def naive(rows, order, filters):
    """Filter and sort everything, written without a look at the planner."""
    chosen = [row for row in rows if all(holds(row, name, wanted) for name, wanted in filters.items() if wanted != "")]
    attributes = {"name": "label"}
    chosen.sort(key=lambda row: row["id"], reverse=order[-1][1])
    for name, descending in reversed(order):
        attribute = attributes.get(name, name)
        present = [row for row in chosen if attribute in row]
        missing = [row for row in chosen if attribute not in row]
        present.sort(key=lambda row: row[attribute], reverse=descending)
        chosen = missing + present if descending else present + missing
    return chosen


def totals_of(row):
    """The totals that count a row, whose names are written out here once more."""
    return {"runs", f"runs#status#{row.get('status')}", f"runs#owner_id#{row.get('owner_id')}"}


def holds(row, name, wanted):
    if name in ("name", "team_name"):
        value = row.get({"name": "label"}.get(name, name))
        return value is not None and text_test(wanted)(value)
    if name == "owner_id":
        return row.get("owner_id") == wanted.lower()
    if name in ("status", "size"):
        return row.get(name) == wanted
    if name == "size__gte":
        return row.get("size", -1) >= wanted
    if name == "is_whole":
        return row.get("is_whole", False) == wanted
    if name == "has_size":
        return ("size" in row) == wanted
    if name == "is_boundless":
        return ("size" not in row) == wanted
    if name == "is_over":
        return (row.get("ends_at") == "2026-11-21T10:00:10Z") == wanted
    attribute, _, operator = name.partition("__")
    return attribute in row and in_time(row[attribute], operator, wanted)


def in_time(value, operator, wanted):
    moment = datetime.fromisoformat(value)
    bound = datetime.fromisoformat(wanted)
    if bound.tzinfo is None:
        bound = bound.replace(tzinfo=UTC)
        bound += timedelta(days=1, microseconds=-1) if operator == "lte" else timedelta()
    return moment >= bound if operator == "gte" else moment <= bound


@settings(max_examples=400)
@given(made=ROWS, filters=FILTERS, order=ORDERS, sources=SOURCES, page=st.integers(1, 4), page_size=st.integers(1, 12))
def test_list_page_equals_all_rows_filtered_sorted_and_cut(made, filters, order, sources, page, page_size):
    rows = [make_row(number, row.pop("at"), **row) for number, row in enumerate(dict(one) for one in made)]
    _, tables = stored(rows)
    seen = {row["id"]: row.get("seen_at") for row in rows}
    expected = naive(rows, order, filters)

    answer = Lists(tables, FakeClock(NOW), 1000, lambda total: sum(total in totals_of(row) for row in rows)).page(
        Listing(RUNS, FIELDS, sources),
        ListRequest(page, page_size, order, filters),
        enrich=lambda items: [{**item, "seen_at": seen[item["id"]]} for item in items],
    )

    assert [row["id"] for row in answer.items] == [
        row["id"] for row in expected[(page - 1) * page_size : page * page_size]
    ]
    assert answer.total_count == len(expected)


@settings(max_examples=100)
@given(
    spread=st.lists(st.integers(0, 3), max_size=600),
    page=st.integers(1, 8),
    page_size=st.integers(1, 100),
    descending=st.booleans(),
    by_listed_at=st.booleans(),
    counted=st.booleans(),
)
def test_list_pages_of_uneven_partitions_are_complete_and_sorted(
    spread, page, page_size, descending, by_listed_at, counted
):
    rows = [
        {**make_row(number, START + timedelta(seconds=number // 3)), "shard": str(shard)}
        for number, shard in enumerate(spread)
    ]
    _, tables = stored(rows)
    expected = sorted((row["id"] for row in rows), reverse=descending)
    source = LISTED if by_listed_at else ALL
    assert (source.insertion is LISTED_AT) == by_listed_at

    answer = Lists(tables, FakeClock(), 1000, {"runs": len(rows)}.__getitem__ if counted else None).page(
        Listing(RUNS, FIELDS, (source,)), ListRequest(page, page_size, (("inserted_at", descending),))
    )

    assert [row["id"] for row in answer.items] == expected[(page - 1) * page_size : page * page_size]
    assert answer.total_count == len(rows)


@settings(max_examples=300)
@given(made=ROWS, filters=FILTERS, descending=st.booleans(), sources=SOURCES, page_size=st.integers(1, 12))
def test_pages_by_cursor_together_equal_all_rows_filtered_and_sorted(made, filters, descending, sources, page_size):
    rows = [make_row(number, row.pop("at"), **row) for number, row in enumerate(dict(one) for one in made)]
    _, tables = stored(rows)
    seen = {row["id"]: row.get("seen_at") for row in rows}
    lists = Lists(tables, FakeClock(NOW), 1000, cursors=PlainSeals)
    order = (("inserted_at", descending),)

    walked, cursor, pages = [], "", 0
    while cursor is not None:
        answer = lists.page(
            Listing(RUNS, FIELDS, sources),
            ListRequest(1, page_size, order, filters, cursor),
            enrich=lambda items: [{**item, "seen_at": seen[item["id"]]} for item in items],
        )
        assert len(answer.items) <= page_size
        walked += [row["id"] for row in answer.items]
        cursor, pages = answer.next_cursor, pages + 1

    assert walked == [row["id"] for row in naive(rows, order, filters)]
    assert pages <= len(rows) // page_size + 2
