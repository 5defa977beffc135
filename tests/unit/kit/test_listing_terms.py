"""Lists by entries of another table: which of several sources is read, what is read of it, and what it decides."""

from dataclasses import replace

import pytest

from chalicelib.kit.listing import LISTED_AT, Field, Listing, ListRequest, Lists, TermSource
from chalicelib.kit.tables import Between, Put, Table, Tables
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo
from tests.support.fakes.seals import PlainSeals
from tests.unit.kit.listing_rows import ALL, BY_STATUS, FIELDS, LISTED, RUNS, make_rows

TERMS = Table("terms", "term", sort="position", derived=True, queried=True)
HOLDS = frozenset({"id", "inserted_at"})


class Tags(Field):
    """Rows that have all of these tags."""

    @property
    def needs(self):
        return frozenset({"tags"})

    def test(self, operator, wanted, now):
        return lambda item: {*wanted.split(",")} <= {*(item.get("tags") or ())}

    def exact(self, wanted):
        return tuple(wanted.split(","))


class Beginning(Field):
    """Rows one of whose names begins so."""

    @property
    def needs(self):
        return frozenset({"names"})

    def test(self, operator, wanted, now):
        return lambda item: any(name.startswith(wanted) for name in item.get("names") or ())

    def exact(self, wanted):
        return (wanted,)


BY_TAG = TermSource(
    TERMS,
    ("tags",),
    lambda tags: [(f"tag:{tags[0]}", None)],
    HOLDS,
    insertion=LISTED_AT,
    each=True,
)
BY_NAME = TermSource(
    TERMS,
    ("search",),
    lambda wanted: [("names", Between(wanted[0], f"{wanted[0]}~"))],
    HOLDS,
    speaks_for=lambda wanted, entry, row: (
        entry["position"] == min(f"{name}#{row['id']}" for name in row["names"] if name.startswith(wanted[0]))
    ),
)
WITH_TERMS = {**FIELDS, "tags": Tags(), "search": Beginning()}
LISTING = Listing(RUNS, WITH_TERMS, (BY_NAME, BY_TAG, BY_STATUS, LISTED))


def entries(row):
    position = {"id": row["id"], "inserted_at": row["inserted_at"]}
    tags = [{"term": f"tag:{tag}", "position": row["listed_at"], **position} for tag in row.get("tags", ())]
    return tags + [{"term": "names", "position": f"{name}#{row['id']}", **position} for name in row.get("names", ())]


@pytest.fixture
def rows():
    """600 rows with the tag `all`, every 100th `rare`; each has two names."""
    found = make_rows(600, status="done")
    for number, row in enumerate(found):
        row |= {"tags": ["all", *(["rare"] if number % 100 == 0 else [])], "names": [f"a-{number}", f"ab-{number}"]}
        if number < 3:
            row |= {"status": "open", "status_shard": f"open#{number}"}
    return found


@pytest.fixture
def tables(rows):
    clock = FakeClock()
    fake = FakeDynamo([RUNS, TERMS], clock)
    fake.load(RUNS, rows)
    fake.load(TERMS, [entry for row in rows for entry in entries(row)])
    return Tables(fake, clock, FakeIds(seed=1))


@pytest.fixture
def lists(tables):
    return Lists(tables, FakeClock(), 20_000, {"runs#status#open": 3, "runs#status#done": 597}.__getitem__, PlainSeals)


def page(lists, listing=LISTING, **filters):
    return lists.page(listing, ListRequest(filters=filters, page_size=100))


def ids(found):
    return [item["id"] for item in found]


def newest_first(rows, fits):
    return [row["id"] for row in reversed(rows) if fits(row)]


def test_list_by_one_tag_reads_its_entries_and_the_rows_of_the_page(lists, tables, rows):
    tables.meter.reset()
    found = page(lists, tags="rare")

    assert ids(found.items) == newest_first(rows, lambda row: "rare" in row["tags"])
    assert found.total_count == 6
    assert [call.operation for call in tables.meter.calls] == ["Query", "BatchGetItem"]


def test_list_by_several_tags_reads_the_rarest_and_looks_at_its_rows(lists, tables, rows):
    tables.meter.reset()
    found = page(lists, tags="all,rare")

    assert ids(found.items) == newest_first(rows, lambda row: "rare" in row["tags"])
    assert tables.meter.read_units < 40, "600 entries are counted once, not their rows"


def test_smaller_source_of_another_filter_is_read_instead(lists, tables, rows):
    tables.meter.reset()
    found = page(lists, tags="all", status="open")

    assert ids(found.items) == newest_first(rows, lambda row: row["status"] == "open")
    assert [call.table for call in tables.meter.calls].count("terms") == 1, "it was only counted"


def test_list_without_a_filter_by_terms_is_read_as_before(lists, tables):
    tables.meter.reset()
    page(lists, status="open")

    assert "terms" not in {call.table for call in tables.meter.calls}


def test_row_with_several_entries_is_listed_and_counted_once(lists, rows):
    found = page(lists, search="a")

    assert found.total_count == 600
    assert ids(found.items) == [row["id"] for row in reversed(rows)][:100]


@pytest.mark.parametrize(
    "filters", [{"tags": "all"}, {"search": "a"}, {"tags": "all,rare"}, {"search": "ab-1"}], ids=str
)
def test_walk_meets_every_row_once(lists, rows, filters):
    shown, cursor = [], ""
    while cursor is not None:
        found = lists.page(LISTING, ListRequest(cursor=cursor, filters=filters, page_size=70))
        shown += ids(found.items)
        cursor = found.next_cursor
    fits = {name: WITH_TERMS[name].test("", wanted, None) for name, wanted in filters.items()}

    assert sorted(shown) == sorted(row["id"] for row in rows if all(test(row) for test in fits.values()))


def test_walk_goes_on_by_the_source_that_it_began_with(lists, tables, rows):
    """Also if another has become the smaller one, or was not complete before."""
    without = Listing(
        RUNS, WITH_TERMS, (*(replace(each, is_complete=lambda: False) for each in (BY_NAME, BY_TAG)), LISTED)
    )
    first = lists.page(without, ListRequest(cursor="", filters={"tags": "all"}, page_size=70))
    second = lists.page(LISTING, ListRequest(cursor=first.next_cursor, filters={"tags": "all"}, page_size=70))

    assert ids([*first.items, *second.items]) == [row["id"] for row in reversed(rows)][:140]


def test_entry_whose_row_is_gone_or_says_otherwise_is_left_out(lists, tables, rows):
    stale = {"term": "tag:rare", "position": rows[5]["listed_at"], "id": rows[5]["id"], "inserted_at": "x"}
    gone = {"term": "tag:rare", "position": "2027-01-01T00:00:00Z#gone", "id": "gone", "inserted_at": "x"}
    for entry in (stale, gone):
        tables.write(Put(TERMS, entry), "test")

    assert ids(page(lists, tags="rare").items) == newest_first(rows, lambda row: "rare" in row["tags"])


def test_row_of_a_derived_table_has_no_stamp(tables):
    tables.write(Put(TERMS, {"term": "t", "position": "p", "id": "x"}), "test")

    assert tables.get(TERMS, {"term": "t", "position": "p"}) == {"term": "t", "position": "p", "id": "x"}


def test_source_that_needs_too_many_partitions_is_passed_over(lists, rows):
    many = replace(BY_TAG, positions=lambda tags: [(f"tag:{tags[0]}:{number}", None) for number in range(65)])
    found = page(lists, Listing(RUNS, WITH_TERMS, (many, ALL)), tags="rare")

    assert ids(found.items) == newest_first(rows, lambda row: "rare" in row["tags"])
