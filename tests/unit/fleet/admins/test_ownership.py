"""Who owns a cluster, as far as a computation tells."""

from datetime import timedelta

import pytest

from chalicelib.fleet.admins.model import Admin, Assignment, Snapshot
from chalicelib.fleet.admins.ownership import owners_of, routes_of
from chalicelib.fleet.admins.rules import LIVE_FOR
from chalicelib.kit.clock import to_seconds_text
from tests.support.fakes.clock import START
from tests.support.several_stacks import CORE, FURTHER, Stacks

CLUSTER = "admin-cluster-default"


def admin(name, queue=""):
    return Admin(name=name, admin_cluster_name=CLUSTER, max_wireguard_peers=9, delivery_queue_url=queue)


def snapshot(**fields):
    given = {
        "computed_at": to_seconds_text(START),
        "topology": (admin("a"), admin("b", "https://b")),
        "assignment": Assignment(owned={"a": ("x",), "b": ("y", "z")}, orphaned=("w",)),
        "total_nodes": 3,
    }
    return Snapshot(admin_cluster_name=CLUSTER, **{**given, **fields})


def test_cluster_owners_are_those_of_the_assignment():
    owners = owners_of(snapshot(), START)
    assert {cluster: owner.name for cluster, owner in owners.items()} == {"x": "a", "y": "b", "z": "b"}


def test_routes_name_only_owners_with_a_queue():
    assert routes_of(snapshot(), START) == {"y": "https://b", "z": "https://b"}


@pytest.mark.parametrize(
    "unknown", [None, snapshot(assignment=None), snapshot(computed_at=None)], ids=["none", "too large", "never"]
)
def test_missing_computation_gives_no_owners_and_no_routes(unknown):
    assert owners_of(unknown, START) == {}
    assert routes_of(unknown, START) == {}


@pytest.mark.parametrize(("age", "known"), [(timedelta(0), True), (LIVE_FOR, False), (-timedelta(minutes=5), True)])
def test_computation_older_than_a_heartbeats_life_is_ignored(age, known):
    """One by a clock ahead of ours does as well."""
    assert bool(owners_of(snapshot(), START + age)) is known


class TestReading:
    @pytest.fixture
    def world(self):
        world = Stacks()
        world.fleet.clusters.create("x", None, None)
        world.fleet.clusters.create("y", None, None)
        for stack in world.both:
            stack.admins.registry.beat()
        return world

    def test_two_stacks_read_the_same_owners(self, world):
        for stack in world.both:
            assert [stack.admins.ownership.owner_of(name).name for name in ("x", "y")] == [CORE, FURTHER]
        assert world.fleet.admins.ownership.owner_of("unknown") is None

    def test_other_owner_excludes_the_asking_stack(self, world):
        assert world.fleet.admins.ownership.other_owner_of("x") is None
        assert world.fleet.admins.ownership.other_owner_of("y").name == FURTHER
        assert world.further.admins.ownership.other_owner_of("y") is None

    def test_cluster_of_a_single_stack_has_no_owner(self):
        world = Stacks()
        world.fleet.clusters.create("x", None, None)
        world.fleet.admins.registry.beat()
        assert world.fleet.admins.ownership.owner_of("x") is None

    def test_ownership_is_cached_for_ten_seconds(self, world):
        ownership = world.fleet.admins.ownership
        assert ownership.queue_of("y").endswith("command-delivery")
        world.clock.advance(LIVE_FOR.total_seconds())
        world.fleet.admins.registry.beat()
        world.clock.advance(-LIVE_FOR.total_seconds() + 9)
        assert ownership.queue_of("y") != ""
        world.clock.advance(LIVE_FOR.total_seconds() - 9 + 10)
        assert ownership.queue_of("y") == ""
