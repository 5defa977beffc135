"""Totals after a stream was lost: mended by counting, left alone where they only move."""

import pytest

from chalicelib.fleet.metrics.recounting import totals_of_cluster
from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.counters import STREAM_SECONDS
from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.platform.relay.reactions import totals_of
from tests.support.builders import a_cluster, a_command, machines
from tests.support.declared import FAMILIES, TOTALS
from tests.support.world import World

NODE_TOTAL = {"nodes": TOTALS["nodes"]}


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    machines(world, 3)
    a_command(world)
    world.settle()
    return world


def totals(world):
    return {total: world.platform.counters.read(total) for total in TOTALS}


def test_finds_nothing_where_nothing_was_lost(world):
    before = totals(world)
    world.sweep("recount")
    assert totals(world) == before
    assert before["executions"] == 3
    assert before["executions#status#pending"] == 3
    assert before["nodes#status#healthy"] == 3


def test_mends_what_a_lost_stream_left(world):
    machines(world, 4)
    list(world.relay_batches())  # read by nobody
    assert totals(world)["nodes"] == 3
    world.sweep("recount")
    assert totals(world)["nodes"] == 7
    assert totals(world)["nodes#status#healthy"] == 7
    assert any('"total_corrected"' in line for line in world.lines.texts)


def test_waits_for_the_stream_once_and_not_for_every_total_that_is_off(world):
    for place in range(20):
        a_cluster(world, f"lost-{place}")
        machines(world, 1, cluster_name=f"lost-{place}")
    list(world.relay_batches())  # read by nobody
    world.clock.pauses.clear()
    world.sweep("recount")
    assert {world.platform.counters.read(f"nodes#cluster_name#lost-{place}") for place in range(20)} == {1}
    assert world.clock.pauses == [STREAM_SECONDS]


def test_what_moves_while_it_counts_is_no_error(world):
    counters = world.platform.counters
    world.driver.before_next(lambda: counters.add("meanwhile", {"nodes": 5}), operation="Query", table=NODES)
    assert counters.recount(NODE_TOTAL) == {}
    assert counters.read("nodes") == 8


def test_what_the_stream_is_still_to_tell_is_no_error(world):
    machines(world, 4)
    counters = world.platform.counters
    for action in (lambda: None, lambda: None, lambda: counters.add("late", {"nodes": 4})):
        world.driver.before_next(action, operation="Query", table=COUNTERS)
    assert counters.recount(NODE_TOTAL) == {}
    assert counters.read("nodes") == 7


def test_a_total_that_fell_below_zero_is_mended_at_once(world):
    counters = world.platform.counters
    counters.correct("nodes", -10)
    assert counters.recount(NODE_TOTAL) == {"nodes": 10}
    assert counters.read("nodes") == 3


def test_the_totals_of_a_cluster_are_mended_too(world):
    machines(world, 4)
    list(world.relay_batches())  # read by nobody
    assert world.platform.counters.read("nodes#cluster_name#north") == 3
    world.sweep("recount")
    north = world.fleet.clusters.get("north")
    counted = {total: world.platform.counters.read(total) for total in dict(totals_of_cluster(north))}
    assert counted == {
        "aliases#cluster_name#north": 0,
        "enrollment_keys#cluster_name#north": 2,
        "nodes#cluster_name#north": 7,
        "executions#cluster_name#north": 3,
    }


def test_every_table_that_is_counted_is_recounted():
    assert {total.split("#", 1)[0] for total in TOTALS} == {counted.table.name for counted in FAMILIES.counted}


def test_the_names_of_totals_are_those_that_the_relay_moves(world):
    rows = {
        "nodes": {"status": "healthy", "cluster_name": "north"},
        "clusters": {},
        "commands": {},
        "enrollment_keys": {"cluster_name": "north"},
        "aliases": {"cluster_name": "north"},
    }
    recounted = TOTALS.keys() | dict(totals_of_cluster(world.fleet.clusters.get("north"))).keys()
    counted = {each.table.name: each for each in FAMILIES.counted}
    for table, row in rows.items():
        assert set(totals_of(counted[table], row)) <= recounted
