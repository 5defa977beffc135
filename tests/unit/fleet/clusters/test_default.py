"""The default cluster, made when somebody first needs it."""

from functools import partial

import pytest

from chalicelib.fleet.clusters.model import DefaultCluster
from chalicelib.fleet.clusters.store import TABLE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest
from tests.support.fakes.dynamo import Crash
from tests.unit.fleet.enrollment.world import World


def refusal(kind, call, *arguments):
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    assert caught.value.kind is kind
    return caught.value


def test_unconfigured_default_cluster_is_forbidden():
    refusal(Kind.FORBIDDEN, partial(World().clusters.default_cluster, reach=EVERYWHERE))


def test_default_cluster_is_created_on_first_use():
    world = World(default=DefaultCluster(name="home", ipv4_range="8.0.0.0/24", node_limit=4))

    cluster = world.clusters.default_cluster(reach=EVERYWHERE)

    assert (cluster.name, cluster.ipv4_range, cluster.node_limit) == ("home", "8.0.0.0/24", 4)
    assert world.another_clusters().default_cluster(reach=EVERYWHERE) == cluster
    assert len(world.fake.rows(TABLE)) == 1


def test_default_cluster_is_created_when_first_read_by_name():
    world = World(default=DefaultCluster(name="home"))

    assert world.clusters.find("other") is None
    assert world.fake.rows(TABLE) == []
    assert world.clusters.get("home", reach=EVERYWHERE).ipv4_range == "100.64.0.0/24"


def test_concurrent_containers_create_one_default_cluster():
    world = World(default=DefaultCluster(name="home"))
    world.fake.latency(0.005)

    made = world.clock.run_together(
        [partial(world.another_clusters().default_cluster, reach=EVERYWHERE) for _ in range(6)]
    )

    assert {cluster.id for cluster in made} == {world.fake.rows(TABLE)[0]["id"]}


def test_deleted_default_cluster_stays_deleted_in_the_container():
    world = World(default=DefaultCluster(name="home"))
    world.clusters.default_cluster(reach=EVERYWHERE)
    world.clusters.delete("home", reach=EVERYWHERE)

    refusal(Kind.NOT_FOUND, partial(world.clusters.default_cluster, reach=EVERYWHERE))


def test_default_cluster_with_a_taken_range_is_not_found():
    world = World(default=DefaultCluster(name="home", ipv4_range="8.0.0.0/24"))
    world.clusters.create("first", "8.0.0.0/16", None)

    refusal(Kind.NOT_FOUND, partial(world.clusters.default_cluster, reach=EVERYWHERE))


def test_default_cluster_created_before_a_crash_is_found():
    world = World(default=DefaultCluster(name="home"))
    world.fake.crash_after(1)

    with pytest.raises(Crash):
        world.clusters.default_cluster(reach=EVERYWHERE)

    assert world.another_clusters().default_cluster(reach=EVERYWHERE).name == "home"
    assert len(world.fake.rows(TABLE)) == 1


def test_cluster_list_works_while_the_default_cannot_be_created():
    world = World(pools=["100.64.0.0/24"], default=DefaultCluster(name="home"))
    world.cluster("first")

    assert [cluster.name for cluster in world.clusters.list_page(ListRequest(), reach=EVERYWHERE).items] == ["first"]
    refusal(Kind.NOT_FOUND, partial(world.clusters.default_cluster, reach=EVERYWHERE))
    world.clusters.delete("first", reach=EVERYWHERE)

    assert world.clusters.default_cluster(reach=EVERYWHERE).name == "home"


def test_default_cluster_check_is_made_once_per_container():
    world = World(default=DefaultCluster(name="home"))
    world.clusters.default_cluster(reach=EVERYWHERE)
    world.tables.meter.reset()

    world.clusters.default_cluster(reach=EVERYWHERE)

    assert world.tables.meter.count == 1


@pytest.mark.parametrize(
    "impossible",
    [
        DefaultCluster(name="default"),
        DefaultCluster(name="home", ipv4_range="10.0.0.0/24"),
        DefaultCluster(name="home", ipv4_range="nonsense"),
        DefaultCluster(name="home", node_limit=237),
    ],
)
def test_impossible_default_cluster_settings_stop_the_start(impossible):
    with pytest.raises(ValueError, match="the default cluster cannot be"):
        World(default=impossible)
