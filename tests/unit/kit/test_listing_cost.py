"""The ceilings of a list: how many DynamoDB calls and read units a page takes, whatever the table's size."""

import pytest

from chalicelib.kit.listing import NEWEST_FIRST, OLDEST_FIRST, ListRequest
from tests.unit.kit.listing_rows import (
    LISTED_AT_LIST,
    READ_LIMIT,
    SHARDED_LIST,
    SINGLE_LIST,
    make_rows,
    stored,
)

SIZES = [0, 50, 1500, 5000]
ONE_PARTITION = 4
FOUR_PARTITIONS = 4 + 4 - 1
OWNER = "0198c0de-0000-7000-8000-00000000abcd"


@pytest.fixture(scope="module")
def tables_of():
    made = {}

    def make(count):
        if count not in made:
            made[count] = stored(make_rows(count, status="open", team_name="red", owner_id=OWNER, size=1))[1]
        return made[count]

    return make


class Counter:
    """A counter that remembers being asked."""

    def __init__(self, count):
        self.count, self.calls = count, 0

    def __call__(self):
        self.calls += 1
        return self.count


def run(listing, tables, request, *, counter=None, now=None):
    """The page, how many calls it took with the counter's, and how many read units."""
    tables.meter.reset()
    page = listing.page(tables, request, now=now, read_limit=READ_LIMIT, counter=counter)
    return page, tables.meter.count + (counter.calls if counter else 0), tables.meter.read_units


@pytest.mark.parametrize("order", [NEWEST_FIRST, OLDEST_FIRST])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("listing", "ceiling"),
    [(SINGLE_LIST, ONE_PARTITION), (SHARDED_LIST, FOUR_PARTITIONS), (LISTED_AT_LIST, FOUR_PARTITIONS)],
)
def test_first_page_of_the_whole_list(tables_of, listing, ceiling, size, order):
    page, calls, _ = run(listing, tables_of(size), ListRequest(order=order), counter=Counter(size))

    assert calls <= ceiling
    assert len(page.items) == min(size, 20)
    assert page.total_count == size


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("filters", "ceiling"),
    [
        ({"status": "open"}, FOUR_PARTITIONS),
        ({"team_name": "red"}, ONE_PARTITION),
        ({"owner_id": OWNER}, ONE_PARTITION),
        ({"status": "open", "inserted_at__gte": "2026-01-01"}, FOUR_PARTITIONS),
        ({"inserted_at__lte": "2027-01-01"}, FOUR_PARTITIONS),
    ],
)
def test_first_page_with_an_indexed_filter(tables_of, filters, ceiling, size):
    counter = Counter(-1)

    page, calls, _ = run(SHARDED_LIST, tables_of(size), ListRequest(filters=filters), counter=counter)

    assert calls <= ceiling
    assert page.total_count == size
    assert counter.calls == 0, "a counter of the whole list says nothing about a part of it"


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST, LISTED_AT_LIST])
def test_the_first_page_costs_the_same_at_any_size(tables_of, listing):
    costs = [run(listing, tables_of(size), ListRequest(), counter=Counter(size))[1:] for size in (1000, 1500, 5000)]

    assert costs[0] == costs[1] == costs[2]


def test_an_exact_total_needs_no_counter(tables_of):
    counter = Counter(999_999)

    page, _, _ = run(SINGLE_LIST, tables_of(50), ListRequest(), counter=counter)

    assert page.total_count == 50
    assert counter.calls == 0


@pytest.mark.parametrize("listing", [SINGLE_LIST, SHARDED_LIST])
def test_a_counter_that_lags_never_says_less_than_was_seen(tables_of, listing):
    page, _, _ = run(listing, tables_of(1500), ListRequest(page=70), counter=Counter(3))

    assert len(page.items) == 20
    assert page.total_count > 70 * 20


def test_a_later_page_counts_what_it_skips_and_reads_only_its_rows(tables_of):
    tables = tables_of(5000)

    page, calls, _ = run(SINGLE_LIST, tables, ListRequest(page=40, page_size=100), counter=Counter(5000))

    assert [call.operation for call in tables.meter.calls] == ["Query", "Query", "BatchGetItem"]
    assert calls <= ONE_PARTITION
    assert len(page.items) == 100


def test_a_later_page_of_shards_takes_one_round(tables_of):
    _, calls, _ = run(SHARDED_LIST, tables_of(5000), ListRequest(page=40, page_size=100), counter=Counter(5000))

    assert calls <= FOUR_PARTITIONS


def test_a_filter_on_what_the_index_projects_reads_no_rows_but_the_page(tables_of):
    tables = tables_of(1500)

    page, calls, _ = run(SHARDED_LIST, tables, ListRequest(filters={"owner_id": OWNER, "size__lte": 1}))

    assert (page.total_count, calls) == (1500, 2)


def test_keys_that_follow_from_a_filter_take_one_call(tables_of):
    tables = tables_of(50)
    first = make_rows(1)[0]["id"]

    page, calls, _ = run(SHARDED_LIST, tables, ListRequest(filters={"id": first, "status": "open"}))

    assert ([row["id"] for row in page.items], page.total_count, calls) == ([first], 1, 1)
