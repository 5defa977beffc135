"""Rows of aliases, on the fake and on the emulator alike."""

from collections.abc import Iterator

import pytest

from chalicelib.fleet.aliases import store
from chalicelib.fleet.aliases.model import Alias
from chalicelib.fleet.aliases.store import TABLE, AliasStore, alias_id
from chalicelib.kit.listing import OLDEST_FIRST, ListRequest, Lists
from chalicelib.kit.tables import Tables, TransactionFailedError
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds

NORTH, SOUTH = "01900000-0000-7000-8000-00000000c001", "01900000-0000-7000-8000-00000000c002"
NODE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.fixture(params=BOTH)
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    clock = FakeClock()
    with driver_for(request, [TABLE], clock) as driver:
        yield Tables(driver, clock, FakeIds())


@pytest.fixture
def made(tables):
    """Five in the north, one in the south, a second apart."""
    aliases = [an_alias(f"a{number}", second=number) for number in range(5)]
    aliases.append(an_alias("a0", SOUTH, OTHER, second=9))
    for alias in aliases:
        tables.commit([store.put(alias)], "alias.created")
    return aliases


def an_alias(name, cluster_id=NORTH, node_id=NODE, second=0):
    at = f"2026-11-21T10:00:0{second}Z"
    return Alias(
        id=alias_id(cluster_id, name),
        name=name,
        node_id=node_id,
        cluster_id=cluster_id,
        cluster_name="north" if cluster_id == NORTH else "south",
        inserted_at=at,
        updated_at=at,
    )


def page(tables, made, **request):
    aliases = AliasStore(
        tables,
        cluster_ids=lambda names: [{"north": NORTH, "south": SOUTH}[name] for name in names],
        aliases_of=lambda ids: [alias.id for alias in made if alias.node_id in ids],
    )
    return Lists(tables, FakeClock(), 1000).page(aliases.listing, ListRequest(**request)).map(store.from_item)


def test_alias_reads_back_as_created(tables, made):
    found = AliasStore(tables, lambda _: [], lambda _: []).find(made[0].id)

    assert found == made[0]


def test_alias_id_is_a_uuid7_derived_from_cluster_and_name():
    assert alias_id(NORTH, "a") == alias_id(NORTH, "a")
    assert len({alias_id(NORTH, "a"), alias_id(NORTH, "b"), alias_id(SOUTH, "a")}) == 3
    assert (alias_id(NORTH, "a")[:13], alias_id(NORTH, "a")[14]) == (NORTH[:13], "7")


def test_alias_name_is_stored_once_per_cluster(tables, made):
    with pytest.raises(TransactionFailedError):
        tables.commit([store.put(an_alias("a0", node_id=OTHER))], "alias.created")


def test_alias_list_is_newest_first_over_all_shards(tables, made):
    assert [alias.name for alias in page(tables, made).items] == ["a0", "a4", "a3", "a2", "a1", "a0"]
    second = page(tables, made, page=2, page_size=2, order=OLDEST_FIRST)
    assert ([alias.name for alias in second.items], second.total_count) == (["a2", "a3"], 6)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"cluster_name": "north"}, ["a4", "a3", "a2", "a1", "a0"]),
        ({"cluster_name": "s*"}, ["a0"]),
        ({"node_id": OTHER}, ["a0"]),
        ({"node_id": NODE, "name": "a1,a2"}, ["a2", "a1"]),
        ({"name": "a0"}, ["a0", "a0"]),
        ({"inserted_at__gte": "2026-11-21T10:00:04Z"}, ["a0", "a4"]),
    ],
)
def test_alias_list_filters_rows(tables, made, filters, names):
    found = page(tables, made, filters=filters)

    assert ([alias.name for alias in found.items], found.total_count) == (names, len(names))


def test_deleted_alias_is_not_listed(tables, made):
    tables.commit([store.delete(made[1])], "alias.deleted")

    assert page(tables, made, filters={"name": "a1"}).total_count == 0
