from datetime import timedelta

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import (
    BY_ID,
    LISTED_AT,
    IndexSource,
    KeySource,
    Listing,
    ListPage,
    ListRequest,
    Lists,
    fixed,
)
from chalicelib.kit.tables import Delete, Set, Update
from tests.support.fakes.clock import START, FakeClock
from tests.unit.kit.listing_rows import (
    ALL,
    FIELDS,
    LISTED,
    READ_LIMIT,
    RUNS,
    SHARDED_LIST,
    SIGHTINGS,
    SINGLE_LIST,
    TEAM_IDS,
    make_row,
    make_rows,
    stored,
)

OWNER = "0198c0de-0000-7000-8000-00000000abcd"


def listed(listing, tables, *, read_limit=READ_LIMIT, enrich=None, **request):
    return Lists(tables, FakeClock(), read_limit).page(listing, ListRequest(**request), enrich=enrich)


def ids(items):
    return [item["id"] for item in items]


def test_list_pages_join_without_a_gap_or_a_repeat():
    rows = make_rows(47)
    _, tables = stored(rows)

    shown = [ids(listed(SHARDED_LIST, tables, page=page, page_size=10).items) for page in range(1, 7)]

    assert [len(page) for page in shown] == [10, 10, 10, 10, 7, 0]
    assert [one for page in shown for one in page] == ids(rows)[::-1]


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST])
def test_page_beyond_the_end_is_empty_with_an_exact_total(listing):
    _, tables = stored(make_rows(30))

    page = listed(listing, tables, page=2**31 - 1, page_size=100)

    assert (page.items, page.total_count) == ([], 30)


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST])
@pytest.mark.parametrize("filters", [{}, {"has_size": False}])
def test_row_deleted_while_the_index_lags_is_not_listed(listing, filters):
    rows = make_rows(5)
    fake, tables = stored(rows)
    fake.index_lag(60)
    tables.write(Delete(RUNS, {"id": rows[2]["id"]}), "run.deleted")

    page = listed(listing, tables, filters=filters)

    assert ids(page.items) == ids([rows[4], rows[3], rows[1], rows[0]])


def test_row_that_no_longer_matches_is_not_listed_while_the_index_lags():
    rows = make_rows(5, status="open")
    fake, tables = stored(rows)
    fake.index_lag(60)
    changes = (Set("status", "done"), Set("status_shard", "done#0"))
    tables.write(Update(RUNS, {"id": rows[0]["id"]}, changes), "run.done")

    assert ids(listed(SHARDED_LIST, tables, filters={"status": "open"}).items) == ids(rows[:0:-1])


@pytest.mark.parametrize("order", [(("inserted_at", True),), (("name", False),)])
def test_row_in_two_partitions_is_listed_once(order):
    listing = Listing(RUNS, FIELDS, (IndexSource("by_team", fixed("t1", "t2")),))
    rows = make_rows(3, team_name="red")
    fake, tables = stored(rows)
    twin = {**rows[0], "team_id": "t2"}
    fake.show_in_index(RUNS, "by_team", ("twin",), twin)

    page = listed(listing, tables, order=order)

    assert sorted(ids(page.items)) == ids(rows)
    assert page.total_count == 3


def test_filter_of_several_values_reads_one_partition_per_value():
    rows = [*make_rows(300, team_name="red"), *make_rows(3, team_name="blue"), *make_rows(9, team_name="green")]
    fake, tables = stored([{**row, "id": f"{row['id'][:-3]}{place:03x}"} for place, row in enumerate(rows)])
    wanted = sorted((row for row in fake.rows(RUNS) if row["team_name"] != "green"), key=lambda row: str(row["id"]))

    page = listed(SHARDED_LIST, tables, filters={"team_name": "red, blue"}, page=4, page_size=80)

    assert ids(page.items) == ids(wanted[::-1][240:320])
    assert page.total_count == 303
    assert {call.operation for call in tables.meter.calls} == {"Query", "BatchGetItem"}


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("page", [1, 3, 6, 11, 20, 21])
@pytest.mark.parametrize("shard_of", [lambda place: "0" if place % 100 else "3", lambda place: str(place // 500)])
def test_very_uneven_partitions_are_merged_in_order(shard_of, page, descending):
    rows = [{**row, "shard": shard_of(place)} for place, row in enumerate(make_rows(2000))]
    _, tables = stored(rows)
    request = ListRequest(page, 100, (("inserted_at", descending),))

    answer = Lists(tables, FakeClock(), READ_LIMIT, {"runs": len(rows)}.__getitem__).page(SHARDED_LIST, request)

    assert ids(answer.items) == sorted(ids(rows), reverse=descending)[(page - 1) * 100 : page * 100]
    assert answer.total_count == 2000


def test_filter_by_an_unknown_name_takes_no_call():
    _, tables = stored(make_rows(3, team_name="red"))

    page = listed(SHARDED_LIST, tables, filters={"team_name": "violet"})

    assert (page, tables.meter.count) == (ListPage([], 1, 20, 0), 0)


def test_filter_with_too_many_values_reads_the_wider_source():
    rows = make_rows(5, team_name="red")
    _, tables = stored(rows)
    many = IndexSource("by_team", lambda names: [TEAM_IDS.get(name, name) for name in names], by="team_name")
    listing = Listing(RUNS, FIELDS, (many, ALL))
    wanted = ",".join(["red", *(f"team{number}" for number in range(100))])

    page = listed(listing, tables, filters={"team_name": wanted})

    assert page.total_count == 5
    assert tables.meter.count < 10


@pytest.mark.parametrize("value", ["x" * 5000, "é" * 600])
def test_filter_value_longer_than_any_key_finds_no_rows(value):
    _, tables = stored(make_rows(3, status="open"))
    by_label = KeySource("name", lambda names: [{"id": name} for name in names])
    listing = Listing(RUNS, FIELDS, (by_label, ALL))

    assert listed(SHARDED_LIST, tables, filters={"status": value}).total_count == 0
    assert listed(listing, tables, filters={"name": value}).total_count == 0


def test_insertion_range_reads_only_the_keys_within():
    rows = make_rows(3000)
    _, tables = stored(rows)
    since, until = str(rows[1000]["inserted_at"]), str(rows[1009]["inserted_at"])

    page = listed(SINGLE_LIST, tables, filters={"inserted_at__gte": since, "inserted_at__lte": until}, page_size=100)

    assert ids(page.items) == ids(rows[1009:999:-1])
    assert (page.total_count, tables.meter.count) == (10, 2)
    assert tables.meter.read_units <= 0.5 + 10


@pytest.mark.parametrize("source", [SINGLE_LIST.sources[0], LISTED])
def test_insertion_range_includes_the_seconds_of_both_ends(source):
    rows = [make_row(number, START + timedelta(milliseconds=500 * number)) for number in range(12)]
    _, tables = stored(rows)
    filters = {"inserted_at__gte": str(rows[2]["inserted_at"]), "inserted_at__lte": str(rows[6]["inserted_at"])}

    page = listed(Listing(RUNS, FIELDS, (source,)), tables, filters=filters)

    assert ids(page.items) == ids(rows[7:1:-1])


def test_insertion_range_that_ends_before_its_start_takes_no_call():
    _, tables = stored(make_rows(3))

    page = listed(SINGLE_LIST, tables, filters={"inserted_at__gte": "2027-01-01", "inserted_at__lte": "2026-01-01"})

    assert (page.total_count, tables.meter.count) == (0, 0)


@pytest.mark.parametrize("filters", [{"inserted_at__lte": "1969-12-31"}, {"inserted_at__gte": "9999-12-31"}])
@pytest.mark.parametrize("insertion", [BY_ID, LISTED_AT])
def test_insertion_bounds_outside_the_time_of_ids_find_no_rows(filters, insertion):
    index = "listing" if insertion is BY_ID else "listed"
    partition = "runs" if insertion is BY_ID else "0"
    listing = Listing(RUNS, FIELDS, (IndexSource(index, fixed(partition), insertion=insertion),))
    _, tables = stored(make_rows(3))

    assert listed(listing, tables, filters=filters).total_count == 0


def refusal(listing, tables, **request):
    with pytest.raises(EdgeError) as caught:
        listed(listing, tables, **request)
    assert caught.value.kind is Kind.BAD_REQUEST
    return caught.value.details


@pytest.mark.parametrize("request_", [{"filters": {"name": "a"}}, {"order": (("name", False),)}])
def test_list_above_the_read_limit_is_refused_with_filters_that_help(request_):
    _, tables = stored(make_rows(301, label="a"))

    details = refusal(SHARDED_LIST, tables, read_limit=300, **request_)

    assert set(details) == {"owner_id", "team_name", "status", "inserted_at__gte"}
    assert all("300 rows" in text for texts in details.values() for text in texts)
    assert listed(SHARDED_LIST, tables, read_limit=301, **request_).total_count == 301


def test_refusal_at_the_read_limit_omits_filters_already_given():
    _, tables = stored(make_rows(301, status="open"))

    details = refusal(SHARDED_LIST, tables, read_limit=300, filters={"status": "open", "has_size": False})

    assert set(details) == {"owner_id", "team_name", "inserted_at__gte"}


def test_read_limit_counts_examined_rows_and_not_the_table():
    rows = [*make_rows(400, status="open"), *make_rows(50, status="done")]
    _, tables = stored([{**row, "id": f"{row['id'][:-3]}{place:03x}"} for place, row in enumerate(rows)])

    assert listed(SHARDED_LIST, tables, read_limit=100, filters={"status": "done", "has_size": False}).total_count == 50


def test_list_of_large_rows_is_refused_at_the_byte_limit():
    _, tables = stored(make_rows(200, label="a" * 350_000))

    details = refusal(SINGLE_LIST, tables, filters={"name": "*b"})

    assert set(details) == {"inserted_at__gte"}


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST])
def test_page_beyond_the_read_limit_is_refused(listing):
    _, tables = stored(make_rows(2000))

    assert set(refusal(listing, tables, read_limit=200, page=15, page_size=100)) == {"page"}
    assert len(listed(listing, tables, read_limit=200, page=2, page_size=100).items) == 100


@pytest.mark.parametrize("filters", [{"team_name": "red"}, {"team_name": "red", "inserted_at__gte": "2026-01-01"}])
def test_filtered_total_above_the_read_limit_is_the_limit(filters):
    _, tables = stored(make_rows(600, team_name="red"))

    assert listed(SHARDED_LIST, tables, read_limit=200, filters=filters).total_count == 200


class Sightings:
    """Enriches rows with a time from another table, and remembers of which."""

    def __init__(self, times):
        self.times, self.asked = times, []

    def __call__(self, items):
        self.asked.append(ids(items))
        return [{**item, "seen_at": self.times.get(item["id"])} for item in items]


@pytest.fixture
def seen():
    rows = make_rows(6, seen_at="2026-01-01T00:00:00Z")
    rows = [{**row, "status": "open" if place % 2 else "done"} for place, row in enumerate(rows)]
    times = {row["id"]: f"2026-11-2{9 - place}T00:00:00Z" for place, row in enumerate(rows) if place}
    return rows, stored(rows)[1], Sightings(times)


def test_filter_on_enriched_values_enriches_all_rows_in_one_call(seen):
    rows, tables, enrich = seen

    page = listed(SHARDED_LIST, tables, filters={"has_size": False, "seen_at__gte": "2026-11-26"}, enrich=enrich)

    assert ids(page.items) == ids([rows[3], rows[2], rows[1]])
    assert [set(asked) for asked in enrich.asked] == [set(ids(rows))]
    assert page.total_count == 3


def test_rows_excluded_by_other_filters_are_not_enriched(seen):
    rows, tables, enrich = seen

    page = listed(SINGLE_LIST, tables, filters={"status": "open", "seen_at__gte": "2026-11-25"}, enrich=enrich)

    assert ids(page.items) == ids([rows[3], rows[1]])
    assert [set(asked) for asked in enrich.asked] == [set(ids(rows[1::2]))]


def test_enrichment_reads_only_the_rows_of_the_page(seen):
    _, tables, enrich = seen

    listed(SINGLE_LIST, tables, filters={"seen_at__gte": "2026-11-25"}, enrich=enrich)

    assert [call.operation for call in tables.meter.calls] == ["Query", "BatchGetItem"]


def test_rows_may_be_ordered_by_enriched_values(seen):
    rows, tables, enrich = seen

    page = listed(SHARDED_LIST, tables, order=(("seen_at", False),), enrich=enrich)

    assert ids(page.items) == ids([*rows[:0:-1], rows[0]])


def test_rows_are_not_enriched_without_need(seen):
    _, tables, enrich = seen

    listed(SHARDED_LIST, tables, enrich=enrich)
    listed(SHARDED_LIST, tables, order=(("status", False),), filters={"has_size": False}, enrich=enrich)

    assert enrich.asked == []


def test_enriched_field_without_an_enrich_function_is_an_error(seen):
    _, tables, _ = seen

    with pytest.raises(ValueError, match="enriched"):
        listed(SHARDED_LIST, tables, order=(("seen_at", False),))


def test_table_partition_is_listed_without_an_index():
    _, tables = stored(make_rows(3, label="a"))
    listing = Listing(RUNS, FIELDS, (IndexSource(None, fixed(make_rows(2)[1]["id"]), insertion=None),))

    page = listed(listing, tables, filters={"name": "a*"})

    assert (ids(page.items), page.total_count) == ([make_rows(2)[1]["id"]], 1)


@pytest.mark.parametrize(
    "sources", [(KeySource("id", lambda _: []),), (IndexSource("by_status", fixed("a"), by="status"),)]
)
def test_listing_without_a_source_for_any_request_is_refused(sources):
    with pytest.raises(ValueError, match="any request"):
        Listing(RUNS, FIELDS, sources)


def test_listing_without_the_field_of_its_default_order_is_refused():
    with pytest.raises(ValueError, match="inserted_at"):
        Listing(RUNS, {"id": FIELDS["id"]}, (ALL,))


def test_list_page_maps_its_items_and_keeps_its_numbers():
    page = ListPage([1, 2], 3, 2, 9)

    assert page.map(str) == ListPage(["1", "2"], 3, 2, 9)


def test_list_without_enriched_fields_reads_no_second_table():
    _, tables = stored(make_rows(3))

    listed(SHARDED_LIST, tables, order=(("name", False),))

    assert all(SIGHTINGS.name not in call.table for call in tables.meter.calls)
