"""Owners of clusters as two stacks read them, and for how long."""

import pytest

from chalicelib.fleet.admins.rules import LIVE_FOR
from tests.support.several_stacks import CORE, FURTHER, Stacks


@pytest.fixture
def world():
    world = Stacks()
    world.fleet.clusters.create("x", None, None)
    world.fleet.clusters.create("y", None, None)
    for stack in world.both:
        stack.admins.registry.beat()
    return world


def test_two_stacks_read_the_same_owners(world):
    for stack in world.both:
        assert [stack.admins.ownership.owner_of(name).name for name in ("x", "y")] == [CORE, FURTHER]
    assert world.fleet.admins.ownership.owner_of("unknown") is None


def test_other_owner_excludes_the_asking_stack(world):
    assert world.fleet.admins.ownership.other_owner_of("x") is None
    assert world.fleet.admins.ownership.other_owner_of("y").name == FURTHER
    assert world.further.admins.ownership.other_owner_of("y") is None


def test_cluster_of_a_single_stack_has_no_owner():
    world = Stacks()
    world.fleet.clusters.create("x", None, None)
    world.fleet.admins.registry.beat()
    assert world.fleet.admins.ownership.owner_of("x") is None


def test_ownership_is_cached_for_ten_seconds(world):
    ownership = world.fleet.admins.ownership
    assert ownership.queue_of("y").endswith("command-delivery")
    world.clock.advance(LIVE_FOR.total_seconds())
    world.fleet.admins.registry.beat()
    world.clock.advance(-LIVE_FOR.total_seconds() + 9)
    assert ownership.queue_of("y") != ""
    world.clock.advance(LIVE_FOR.total_seconds() - 9 + 10)
    assert ownership.queue_of("y") == ""
