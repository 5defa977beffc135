"""New clusters and their ranges."""

import pytest

from chalicelib.fleet.clusters.rules import name_taken, overlapping
from chalicelib.fleet.clusters.store import TABLE
from chalicelib.fleet.clusters.subnet_store import SUBNETS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import TRIES
from tests.unit.fleet.enrollment.world import World


def refusal(kind, call, *arguments):
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    assert caught.value.kind is kind
    return caught.value


def ranges(world):
    return sorted(row["ipv4_range"] for row in world.fake.rows(TABLE))


def test_new_cluster_gets_the_first_free_range():
    world = World()

    first, second = world.cluster("one"), world.cluster("two", node_limit=5)

    assert (first.ipv4_range, second.ipv4_range) == ("100.64.0.0/24", "100.64.1.0/24")
    assert first.node_limit is None
    assert second.node_limit == 5
    assert second.inserted_at == second.updated_at == "2026-11-21T10:00:00Z"
    assert world.clusters.get("two", reach=EVERYWHERE) == second


def test_cluster_creation_takes_four_calls():
    world = World()
    world.cluster("one")
    world.tables.meter.reset()

    world.cluster("two")

    operations = [call.operation for call in world.tables.meter.calls]
    assert operations == ["GetItem", "Query", "Query", "TransactWriteItems"]


def test_cluster_range_is_stored_without_host_bits():
    world = World()

    assert world.clusters.create("one", "8.8.8.9/24", None).ipv4_range == "8.8.8.0/24"


def test_reserved_cluster_name_is_refused():
    world = World()

    error = refusal(Kind.VALIDATION_FAILED, world.clusters.create, "default", None, None)

    assert error.details == {"name": ["is reserved"]}
    assert world.fake.rows(SUBNETS) == []


def test_node_limit_is_checked_against_the_allocated_range():
    world = World()

    refusal(Kind.VALIDATION_FAILED, world.clusters.create, "one", None, 237)
    refusal(Kind.VALIDATION_FAILED, world.clusters.create, "one", "8.0.0.0/28", 1)
    assert world.clusters.create("one", "8.0.0.0/16", 65516).node_limit == 65516


@pytest.mark.parametrize("taken", ["8.0.1.0/24", "8.0.0.0/16", "8.0.1.128/25", "8.0.0.0/22"])
def test_overlapping_range_is_a_conflict_naming_the_given_range(taken):
    world = World()
    world.clusters.create("one", "8.0.1.0/24", None)

    error = refusal(Kind.CONFLICT, world.clusters.create, "two", taken, None)

    assert error.message == overlapping(taken).message
    assert len(world.fake.rows(TABLE)) == 1


def test_neighbouring_ranges_do_not_overlap():
    world = World()

    for cidr in ("8.0.1.0/24", "8.0.0.0/24", "8.0.2.0/23"):
        world.clusters.create(f"c{cidr[4]}", cidr, None)

    assert ranges(world) == ["8.0.0.0/24", "8.0.1.0/24", "8.0.2.0/23"]


def test_cluster_with_a_taken_name_allocates_no_range():
    world = World()
    world.cluster("one")
    before = world.fake.snapshot()

    error = refusal(Kind.CONFLICT, world.clusters.create, "one", None, None)

    assert error.message == name_taken().message
    assert world.fake.snapshot() == before


def test_range_allocation_skips_ranges_given_by_operators():
    world = World()
    world.clusters.create("wide", "100.64.0.0/22", None)
    world.clusters.create("small", "100.64.5.16/28", None)

    assert [world.cluster(name).ipv4_range for name in ("a", "b", "c")] == [
        "100.64.4.0/24",
        "100.64.6.0/24",
        "100.64.7.0/24",
    ]


def test_range_starting_before_the_pool_blocks_its_slots():
    world = World(pools=["100.64.1.0/24"], prefix=26)
    world.clusters.create("wide", "100.64.0.0/23", None)

    refusal(Kind.UNAVAILABLE, world.cluster, "one")

    assert [row["name"] for row in world.fake.rows(TABLE)] == ["wide"]


def test_exhausted_range_pools_are_unavailable():
    world = World(pools=["100.64.0.0/25", "20.0.0.0/26"], prefix=26)

    taken = [world.cluster(name).ipv4_range for name in ("a", "b", "c")]
    refusal(Kind.UNAVAILABLE, world.cluster, "d")

    assert taken == ["100.64.0.0/26", "100.64.0.64/26", "20.0.0.0/26"]


def test_lowest_freed_range_is_allocated_again():
    world = World()
    for name in ("a", "b", "c", "d"):
        world.cluster(name)
    world.clusters.delete("c", reach=EVERYWHERE)
    world.clusters.delete("b", reach=EVERYWHERE)

    assert [world.cluster(name).ipv4_range for name in ("e", "f", "g")] == [
        "100.64.1.0/24",
        "100.64.2.0/24",
        "100.64.4.0/24",
    ]


def test_changed_pools_are_searched_from_their_start():
    world = World()
    world.cluster("a")
    world.cluster("b")
    changed = World(pools=["100.64.0.0/16"], prefix=25, driver=world.fake, seed=2)

    assert changed.cluster("c").ipv4_range == "100.64.2.0/25"


def test_twelve_concurrent_clusters_get_distinct_ranges():
    world = World()
    world.fake.latency(0.005)
    world.fake.transaction_seconds(0.01)

    made = world.clock.run_together([lambda name=f"c{n}": world.cluster(name) for n in range(12)])

    assert sorted(cluster.ipv4_range for cluster in made) == sorted(f"100.64.{n}.0/24" for n in range(12))


def test_concurrent_clusters_with_one_range_create_one():
    world = World()
    world.fake.latency(0.005)
    tasks = [lambda name=f"c{n}": world.clusters.create(name, "8.0.0.0/24", None) for n in range(12)]

    outcomes = world.clock.run_together(tasks)

    refused = [outcome.message for outcome in outcomes if isinstance(outcome, EdgeError)]
    assert refused == [overlapping("8.0.0.0/24").message] * 11
    assert ranges(world) == ["8.0.0.0/24"]


def test_concurrent_clusters_with_one_name_create_one():
    world = World()
    world.fake.latency(0.005)

    outcomes = world.clock.run_together([lambda: world.cluster("same") for _ in range(12)])

    refused = [outcome.message for outcome in outcomes if isinstance(outcome, EdgeError)]
    assert refused == [name_taken().message] * 11
    assert len(world.fake.rows(SUBNETS)) == 2  # the head and one range


def test_cluster_creation_always_overtaken_is_unavailable():
    world = World()
    overtaken = []

    def overtake():
        overtaken.append(world.clusters.create(f"fast{len(overtaken)}", None, None))
        arm()

    def arm():
        world.fake.before_next(overtake, operation="TransactWriteItems", table=TABLE)

    arm()
    refusal(Kind.UNAVAILABLE, world.cluster, "slow")

    assert len(overtaken) == TRIES
    assert len(world.clock.pauses) == TRIES - 1
    assert max(world.clock.pauses) <= 0.5
    assert world.clusters.find("slow") is None


@pytest.mark.parametrize("honoured", [True, False])
def test_cluster_creation_with_a_lost_answer_succeeds(honoured):
    world = World()
    world.fake.tokens_honoured = honoured
    world.fake.fail_next(1, "lost_answer", operation="TransactWriteItems")

    cluster = world.cluster("one")

    assert world.clusters.get("one", reach=EVERYWHERE) == cluster
    assert world.cluster("two").ipv4_range == "100.64.1.0/24"
