"""Rows of clusters and of the address space, on the fake and on the emulator alike."""

import re
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.rules import below_count, not_empty
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.clusters.store import TABLE
from chalicelib.fleet.clusters.subnet_store import SUBNETS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest
from chalicelib.kit.tables import ConditionFailedError
from tests.support.drivers import BOTH, FAKE, emulated
from tests.unit.fleet.enrollment.world import ALL, TOTAL, World


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with nullcontext() if request.param == FAKE else emulated(request, ALL) as driver:
        yield World(driver=driver)


def made(world: World, *names: str) -> list[Cluster]:
    """Clusters a second apart."""
    clusters = []
    for name in names:
        clusters.append(world.cluster(name))
        world.clock.advance(1)
    return clusters


def names(clusters: Clusters, **filters: str | int | bool) -> list[str]:
    return [cluster.name for cluster in clusters.list_page(ListRequest(filters=filters), reach=EVERYWHERE).items]


def test_cluster_reads_back_as_created(world):
    limited = world.clusters.create("limited", "8.0.0.0/24", 7)
    plain = world.cluster("plain")

    assert world.clusters.get("limited", reach=EVERYWHERE) == limited
    assert world.clusters.find_many(["plain", "none", "limited"]) == [plain, limited]


def test_cluster_is_created_filled_and_deleted_and_its_range_freed(world):
    cluster = world.cluster("one", node_limit=1)
    world.enrol(cluster)
    with pytest.raises(ConditionFailedError):
        world.enrol(cluster)
    world.clusters.change_node_limit("one", None, reach=EVERYWHERE)
    world.enrol(cluster)
    with pytest.raises(EdgeError, match=re.escape(not_empty(2).message)):
        world.clusters.delete("one", reach=EVERYWHERE)
    with pytest.raises(EdgeError) as below:
        world.clusters.change_node_limit("one", 1, reach=EVERYWHERE)
    assert below.value.details == below_count(2).details
    world.leave(cluster)
    world.leave(cluster)
    world.clusters.delete("one", reach=EVERYWHERE)

    assert world.tables.get(TABLE, {"name": "one"}) is None
    assert world.cluster("two").ipv4_range == cluster.ipv4_range


def test_cluster_ranges_of_all_sizes_do_not_overlap(world):
    made(world, "auto")
    for cidr in ("100.64.0.0/16", "100.64.0.255/32", "100.0.0.0/8", "100.64.0.0/30"):
        with pytest.raises(EdgeError) as caught:
            world.clusters.create("other", cidr, None)
        assert caught.value.kind in {Kind.CONFLICT, Kind.VALIDATION_FAILED}
    beside = world.clusters.create("beside", "100.64.1.0/25", None)

    assert world.cluster("next").ipv4_range == "100.64.2.0/24"
    world.clusters.delete("beside", reach=EVERYWHERE)
    assert world.cluster("again").ipv4_range == "100.64.1.0/24"
    head = world.tables.get(SUBNETS, {"space": "ipv4", "start": -1})
    assert head is not None
    assert beside.ipv4_range == "100.64.1.0/25"
    assert head["lowest_free_hint"] == 2


def test_free_range_is_found_beyond_one_page_of_ranges(world):
    for n in range(12):
        world.clusters.create(f"c{n}", f"100.64.{n}.0/24", None)

    assert world.cluster("next").ipv4_range == "100.64.12.0/24"


def test_cluster_list_filters_and_sorts_rows(world):
    made(world, "east-1", "east-2", "west-1")
    world.clusters.change_node_limit("east-2", 9, reach=EVERYWHERE)
    world.enrol(world.clusters.get("east-2", reach=EVERYWHERE))
    world.enrol(world.clusters.get("west-1", reach=EVERYWHERE))
    clusters = world.clusters

    assert names(clusters) == ["west-1", "east-2", "east-1"]
    assert names(clusters, name="EAST-*") == ["east-2", "east-1"]
    assert names(clusters, name="west-1, east-1,none") == ["west-1", "east-1"]
    assert names(clusters, ipv4_range="100.64.1.0/24") == ["east-2"]
    assert names(clusters, has_node_limit=True) == ["east-2"]
    assert names(clusters, node_limit=9, has_node_limit=True, name="east-2") == ["east-2"]
    assert names(clusters, node_limit__gte=10) == []
    assert names(clusters, node_count__gte=1) == ["west-1", "east-2"]
    assert names(clusters, node_count__lte=0) == ["east-1"]
    assert names(clusters, inserted_at__gte="2026-11-21T10:00:01Z") == ["west-1", "east-2"]
    assert names(clusters, updated_at__lte="2026-11-21T10:00:01Z") == ["east-1"]
    by_limit = clusters.list_page(ListRequest(order=(("node_limit", False), ("name", False))), reach=EVERYWHERE)
    assert [cluster.name for cluster in by_limit.items] == ["east-2", "east-1", "west-1"]


def test_first_page_of_clusters_takes_four_calls_at_most(world):
    made(world, *(f"c{n}" for n in range(25)))
    world.tables.meter.reset()

    page = world.clusters.list_page(ListRequest(), reach=EVERYWHERE)

    assert (len(page.items), page.total_count) == (20, TOTAL)  # the counter's word, where it knows of many
    assert world.tables.meter.count <= 4


def test_cluster_list_by_name_is_one_call(world):
    made(world, "a", "b")
    world.tables.meter.reset()

    assert names(world.clusters, name="a,b,c") == ["b", "a"]
    assert world.tables.meter.count == 1


def test_long_cluster_list_takes_its_total_from_the_counter():
    world = World()
    for n in range(1100):
        world.cluster(f"c{n}")
    world.tables.meter.reset()

    page = world.clusters.list_page(ListRequest(), reach=EVERYWHERE)

    assert page.total_count == TOTAL
    assert world.tables.meter.count <= 4
