"""The ceilings of a list: how many DynamoDB calls and read units a page takes, whatever the table's size."""

import pytest

from chalicelib.kit.listing import NEWEST_FIRST, OLDEST_FIRST, Listing, ListRequest, Lists, Text
from tests.support.fakes.clock import FakeClock
from tests.unit.kit.listing_rows import (
    ALL,
    BY_STATUS,
    FIELDS,
    LISTED_AT_LIST,
    READ_LIMIT,
    RUNS,
    SHARDED_LIST,
    SINGLE_LIST,
    make_rows,
    stored,
)

SIZES = [0, 50, 1500, 5000]
ONE_PARTITION = 4
FOUR_PARTITIONS = 4 + 4 - 1
OWNER = "0198c0de-0000-7000-8000-00000000abcd"

WITH_TOTALS = [
    ({"status": "open"}, "runs#status#open", FOUR_PARTITIONS),
    ({"owner_id": OWNER}, f"runs#owner_id#{OWNER}", ONE_PARTITION),
    ({"owner_id": OWNER.upper()}, f"runs#owner_id#{OWNER}", ONE_PARTITION),
]


@pytest.fixture(scope="module")
def tables_of():
    made = {}

    def make(count):
        if count not in made:
            made[count] = stored(make_rows(count, status="open", team_name="red", owner_id=OWNER, size=1))[1]
        return made[count]

    return make


class Totals:
    """Counters that remember what they were asked for; no others may be."""

    def __init__(self, known):
        self.known = known
        self.asked = []

    def __call__(self, total):
        self.asked.append(total)
        return self.known[total]


def run(listing, tables, request, *, counter=None):
    """The page, how many calls it took with the counter's, and how many read units."""
    tables.meter.reset()
    page = Lists(tables, FakeClock(), READ_LIMIT, counter).page(listing, request)
    return page, tables.meter.count + (len(counter.asked) if counter else 0), tables.meter.read_units


@pytest.mark.parametrize("order", [NEWEST_FIRST, OLDEST_FIRST])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("listing", "ceiling"),
    [(SINGLE_LIST, ONE_PARTITION), (SHARDED_LIST, FOUR_PARTITIONS), (LISTED_AT_LIST, FOUR_PARTITIONS)],
)
def test_first_page_of_a_whole_list_stays_within_its_calls(tables_of, listing, ceiling, size, order):
    page, calls, _ = run(listing, tables_of(size), ListRequest(order=order), counter=Totals({"runs": size}))

    assert calls <= ceiling
    assert len(page.items) == min(size, 20)
    assert page.total_count == size


@pytest.mark.parametrize("order", [NEWEST_FIRST, OLDEST_FIRST])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("filters", "total", "ceiling"), WITH_TOTALS)
def test_first_page_of_a_counted_filter_stays_within_its_calls(tables_of, filters, total, ceiling, size, order):
    counter = Totals({total: size})

    page, calls, _ = run(SHARDED_LIST, tables_of(size), ListRequest(order=order, filters=filters), counter=counter)

    assert calls <= ceiling
    assert len(page.items) == min(size, 20)
    assert page.total_count == size
    assert counter.asked == ([] if size == 0 and ceiling == ONE_PARTITION else [total])


@pytest.mark.parametrize(("filters", "total", "ceiling"), WITH_TOTALS)
def test_filtered_first_page_costs_the_same_at_any_size(tables_of, filters, total, ceiling):
    request = ListRequest(filters=filters)
    costs = {run(SHARDED_LIST, tables_of(size), request, counter=Totals({total: size}))[1:] for size in (1500, 5000)}

    assert len(costs) == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("filters", "ceiling"),
    [
        ({"team_name": "red"}, ONE_PARTITION),
        ({"status": "open", "inserted_at__gte": "2026-01-01"}, FOUR_PARTITIONS),
        ({"owner_id": OWNER, "inserted_at__gte": "2026-01-01"}, ONE_PARTITION),
        ({"inserted_at__lte": "2027-01-01"}, FOUR_PARTITIONS),
        ({"owner_id": OWNER, "status": "open"}, FOUR_PARTITIONS),
    ],
)
def test_filter_without_a_counter_counts_row_by_row(tables_of, filters, ceiling, size):
    counter = Totals({})

    page, calls, _ = run(SHARDED_LIST, tables_of(size), ListRequest(filters=filters), counter=counter)

    assert calls <= ceiling
    assert page.total_count == size
    assert counter.asked == []


@pytest.fixture(scope="module")
def halves():
    rows = [row for status in ("open", "done") for row in make_rows(1500, status=status)]
    return stored([{**row, "id": f"{row['id'][:-1]}{place // 1500}"} for place, row in enumerate(rows)])[1]


ANY_STATUS = Listing(RUNS, {**FIELDS, "status": Text("status")}, (BY_STATUS, ALL))


def test_filter_of_several_values_adds_their_counters(halves):
    counter = Totals({"runs#status#open": 1500, "runs#status#done": 1500})

    page, calls, _ = run(ANY_STATUS, halves, ListRequest(filters={"status": "open, done"}), counter=counter)

    assert page.total_count == 3000
    assert counter.asked == ["runs#status#open", "runs#status#done"]
    assert calls <= 8 + 1 + 2


def test_filter_value_too_long_for_a_key_has_no_counter(halves):
    counter = Totals({"runs#status#open": 1500})

    page, _, _ = run(ANY_STATUS, halves, ListRequest(filters={"status": f"open,{'x' * 1100}"}), counter=counter)

    assert page.total_count == 1500
    assert counter.asked == ["runs#status#open"]


def test_filter_of_too_many_values_uses_no_counter(halves):
    counter = Totals({})
    names = ",".join(f"s{number}" for number in range(16))

    page, _, _ = run(ANY_STATUS, halves, ListRequest(filters={"status": f"open,{names}"}), counter=counter)

    assert page.total_count == 1500
    assert counter.asked == []


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST, LISTED_AT_LIST])
def test_first_page_costs_the_same_at_any_size(tables_of, listing):
    counted, *known = [
        run(listing, tables_of(size), ListRequest(), counter=Totals({"runs": size}))[1:] for size in (1000, 1500, 5000)
    ]

    assert known[0] == known[1]
    assert counted >= known[0]


def test_list_that_ends_with_the_page_reads_no_counter(tables_of):
    counter = Totals({"runs": 999_999})

    page, _, _ = run(SINGLE_LIST, tables_of(50), ListRequest(page_size=100), counter=counter)

    assert page.total_count == 50
    assert counter.asked == []


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST])
@pytest.mark.parametrize("said", [3, 900])
def test_total_of_a_short_list_is_exact_despite_a_wrong_counter(tables_of, listing, said):
    page, _, _ = run(listing, tables_of(50), ListRequest(), counter=Totals({"runs": said}))

    assert page.total_count == 50


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST])
def test_total_with_a_lagging_counter_is_at_least_the_rows_seen(tables_of, listing):
    page, _, _ = run(listing, tables_of(1500), ListRequest(page=70), counter=Totals({"runs": 3}))

    assert len(page.items) == 20
    assert page.total_count > 70 * 20


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST])
def test_total_with_an_empty_counter_is_counted_from_rows(tables_of, listing):
    """A total that nothing was ever added to, or that a lost stream left behind: pages beyond it must be found."""
    page, _, _ = run(listing, tables_of(1500), ListRequest(), counter=Totals({"runs": 0}))

    assert page.total_count == 1500


def test_later_page_counts_skipped_rows_and_reads_its_own_only(tables_of):
    tables = tables_of(5000)

    page, calls, _ = run(SINGLE_LIST, tables, ListRequest(page=40, page_size=100), counter=Totals({"runs": 5000}))

    assert [call.operation for call in tables.meter.calls] == ["Query", "Query", "BatchGetItem"]
    assert calls <= ONE_PARTITION
    assert len(page.items) == 100


def test_later_page_of_a_sharded_list_takes_one_round(tables_of):
    _, calls, _ = run(
        SHARDED_LIST, tables_of(5000), ListRequest(page=40, page_size=100), counter=Totals({"runs": 5000})
    )

    assert calls <= FOUR_PARTITIONS


def test_filter_on_projected_attributes_reads_only_rows_of_the_page(tables_of):
    tables = tables_of(1500)

    page, calls, _ = run(SHARDED_LIST, tables, ListRequest(filters={"owner_id": OWNER, "size__lte": 1}))

    assert (page.total_count, calls) == (1500, 2)


def test_filter_that_determines_the_keys_takes_one_call(tables_of):
    tables = tables_of(50)
    first = make_rows(1)[0]["id"]

    page, calls, _ = run(SHARDED_LIST, tables, ListRequest(filters={"id": first, "status": "open"}))

    assert ([row["id"] for row in page.items], page.total_count, calls) == ([first], 1, 1)
