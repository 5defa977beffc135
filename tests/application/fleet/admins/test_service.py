"""Several stacks on the same tables: who is alive, who owns what, and what one answer may hold."""

import pytest

from chalicelib.fleet.admins.model import UNLIMITED_PEERS, Admin
from chalicelib.fleet.admins.service import Admins
from chalicelib.fleet.admins.store import TABLE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.settings import Settings
from tests.support.builders import a_cluster, machines
from tests.support.world import World, fleet_of

TICK = 60


def stack(world, name, **settings):
    """A further stack on the tables of this world."""
    return fleet_of(Settings(admin_name=name, **settings), world).admins.registry


@pytest.fixture
def world():
    return World()


@pytest.fixture
def pair(world):
    return stack(world, "admin-a", admin_max_wireguard_peers=10), stack(world, "admin-b", admin_max_wireguard_peers=10)


def fleet(world, **sizes):
    """Clusters by name with so many nodes each."""
    for name, count in sizes.items():
        a_cluster(world, name)
        machines(world, count, name)


def owned(admins):
    return dict(admins.snapshot().assignment.owned)


class TestComputation:
    def test_single_admin_owns_all_clusters_without_a_limit(self, world):
        fleet(world, north=2, south=0)
        found = world.fleet.admins.registry.beat()
        assert found.assignment.owned == {"admin-default": ("north", "south")}
        assert (found.total_nodes, found.is_degraded, found.budgets) == (2, False, {"admin-default": UNLIMITED_PEERS})

    def test_two_admins_compute_the_same_assignment(self, world, pair):
        fleet(world, north=3, south=2, west=1)
        pair[0].beat()
        found = [admins.beat() for admins in pair]
        assert found[0].assignment.orphaned == found[1].assignment.orphaned == ()
        assert pair[0].beat().assignment == pair[1].beat().assignment
        assert owned(pair[0]) == {"admin-a": ("north",), "admin-b": ("south", "west")}
        assert pair[0].snapshot().peer_count == 1
        assert pair[0].snapshot().total_capacity == 18

    def test_silent_admin_loses_its_clusters_within_three_ticks(self, world, pair):
        fleet(world, north=3, south=2)
        for admins in pair:
            admins.beat()
        for _ in range(2):
            world.clock.advance(TICK)
            pair[0].beat()
            assert len(owned(pair[0])) == 2
        world.clock.advance(TICK)
        pair[0].beat()
        assert owned(pair[0]) == {"admin-a": ("north", "south")}

    def test_returning_admin_is_assigned_clusters_again(self, world, pair):
        for admins in pair:
            admins.beat()
        world.clock.advance(3600)
        pair[0].beat()
        assert list(owned(pair[0])) == ["admin-a"]
        pair[1].beat()
        assert list(owned(pair[0])) == ["admin-a", "admin-b"]

    def test_each_admin_cluster_computes_its_own_assignment(self, world, pair):
        other = stack(world, "admin-c", admin_cluster_name="admin-cluster-other")
        fleet(world, north=1)
        for admins in (*pair, other):
            admins.beat()
        assert list(owned(pair[0])) == ["admin-a", "admin-b"]
        assert owned(other) == {"admin-c": ("north",)}
        assert [admin.name for admin, _ in other.known()] == ["admin-a", "admin-b", "admin-c"]

    def test_deletion_of_the_last_cluster_leaves_admin_with_none(self, world, pair):
        fleet(world, north=0)
        pair[0].beat()
        world.fleet.clusters.delete("north", reach=EVERYWHERE)
        assert pair[0].beat().assignment.owned == {"admin-a": ()}

    def test_concurrent_heartbeats_store_one_computation(self, world, pair):
        fleet(world, north=1)
        pair[0].beat()
        world.driver.latency(0.005)
        world.clock.run_together([admins.beat for admins in pair])
        assert pair[0].snapshot().version == 2

    @pytest.mark.parametrize("writes", [1, 2])
    def test_heartbeat_after_a_crash_completes_the_assignment(self, world, writes):
        fleet(world, north=1)
        world.driver.crash_after(writes)
        world.sweep("heartbeat")
        assert owned(world.fleet.admins.registry) == {"admin-default": ("north",)}

    def test_heartbeat_does_not_create_the_default_cluster(self):
        world = World(default_cluster_name="home")
        assert world.fleet.admins.registry.beat().assignment.owned == {"admin-default": ()}

    @pytest.mark.parametrize("count", [3, 4, 5])
    def test_assignment_covers_clusters_beyond_one_page(self, world, count):
        names = [f"c{number}" for number in range(count)]
        fleet(world, **dict.fromkeys(names, 0))
        parts, platform = world.fleet, world.platform
        me = Admin(name="one", admin_cluster_name="admin-cluster-one", max_wireguard_peers=5)
        admins = Admins(
            *(platform.tables, platform.clock, parts.clusters, parts.nodes),
            me=me,
            list_read_limit=100,
            clusters_at_once=2,
        )
        assert admins.beat().assignment.owned == {"one": tuple(names)}

    def test_heartbeat_of_a_small_fleet_takes_at_most_nine_calls(self, world):
        fleet(world, north=2, south=1)
        admins = world.fleet.admins.registry
        admins.beat()
        world.platform.tables.meter.reset()
        admins.beat()
        assert world.platform.tables.meter.count <= 9


class TestDegraded:
    def test_admin_without_a_limit_is_not_degraded_and_reads_nothing(self, world):
        world.platform.tables.meter.reset()
        assert not world.fleet.degraded()
        assert world.platform.tables.meter.count == 0

    def test_degraded_state_is_cached_for_ten_seconds(self, world):
        admins = stack(world, "admin-a", admin_max_wireguard_peers=1)
        fleet(world, north=1)
        admins.beat()
        assert not admins.degraded()
        machines(world, 1)
        admins.beat()
        world.clock.advance(9.9)
        world.platform.tables.meter.reset()
        assert not admins.degraded()
        assert world.platform.tables.meter.count == 0
        world.clock.advance(0.1)
        assert admins.degraded()
        assert world.platform.tables.meter.count == 1

    def test_degraded_state_ends_when_capacity_suffices(self, world):
        fleet(world, north=2)
        assert stack(world, "admin-a", admin_max_wireguard_peers=1).beat().is_degraded
        roomy = stack(world, "admin-a", admin_max_wireguard_peers=2)
        assert roomy.degraded()
        roomy.beat()
        world.clock.advance(10)
        assert not roomy.degraded()

    def test_admin_before_the_first_heartbeat_is_not_degraded(self, world):
        assert not stack(world, "admin-a", admin_max_wireguard_peers=1).degraded()


class TestNames:
    def test_node_names_beyond_the_read_limit_are_refused(self, world):
        fleet(world, north=3)
        admins = stack(world, "admin-a", list_read_limit=2, admin_max_wireguard_peers=1)
        admins.beat()
        for call in (admins.node_names_by_admin, admins.node_names_of_orphans):
            with pytest.raises(EdgeError) as refused:
                call()
            assert refused.value.kind is Kind.BAD_REQUEST
            assert list(refused.value.details) == ["nodes"]

    def test_node_added_after_the_computation_counts_toward_the_read_limit(self, world):
        admins = stack(world, "admin-a", list_read_limit=2)
        fleet(world, north=2)
        admins.beat()
        machines(world, 1)
        with pytest.raises(EdgeError) as refused:
            admins.node_names_by_admin()
        assert list(refused.value.details) == ["nodes"]

    def test_node_names_while_tables_are_throttled_are_unavailable(self, world):
        fleet(world, north=1)
        admins = stack(world, "admin-a")
        admins.beat()
        world.driver.fail_next(100_000, "throttle")
        with pytest.raises(EdgeError) as refused:
            admins.node_names_by_admin()
        assert refused.value.kind is Kind.UNAVAILABLE


def test_admin_id_is_derived_from_its_name(world):
    one, again, other = stack(world, "admin-a"), stack(world, "admin-a"), stack(world, "admin-b")
    assert one.me.id == again.me.id != other.me.id
    assert len(one.me.id) == 12
    assert world.driver.rows(TABLE) == []
