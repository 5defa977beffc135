"""Totals after a stream was lost: mended by counting, left alone where they only move."""

import pytest

from chalicelib.fleet.metrics.recounting import totals_of_cluster
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.counters import STREAM_SECONDS, Move
from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.kit.tables import Delete, put_new
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


def test_recount_of_correct_totals_changes_nothing(world):
    before = totals(world)
    world.sweep("recount")
    assert totals(world) == before
    assert before["executions"] == 3
    assert before["executions#status#pending"] == 3
    assert before["nodes#status#healthy"] == 3


def test_recount_corrects_totals_after_a_lost_stream(world):
    machines(world, 4)
    list(world.relay_batches())  # read by nobody
    assert totals(world)["nodes"] == 3
    world.sweep("recount")
    assert totals(world)["nodes"] == 7
    assert totals(world)["nodes#status#healthy"] == 7
    assert any('"total_corrected"' in line for line in world.lines.texts)


def test_recount_of_many_wrong_totals_waits_twice_for_all(world):
    for place in range(20):
        a_cluster(world, f"lost-{place}")
        machines(world, 1, cluster_name=f"lost-{place}")
    list(world.relay_batches())  # read by nobody
    world.clock.pauses.clear()
    world.sweep("recount")
    assert {world.platform.counters.read(f"nodes#cluster_name#lost-{place}") for place in range(20)} == {1}
    assert world.clock.pauses == [STREAM_SECONDS, STREAM_SECONDS]


def test_recount_ignores_changes_during_counting(world):
    counters = world.platform.counters
    world.driver.before_next(lambda: counters.add([Move("meanwhile", {"nodes": 5})]), operation="Query", table=NODES)
    assert counters.recount(NODE_TOTAL) == {}
    assert counters.read("nodes") == 8


def test_recount_ignores_changes_still_in_the_stream(world):
    machines(world, 4)
    counters = world.platform.counters
    for action in (lambda: None, lambda: None, lambda: counters.add([Move("late", {"nodes": 4})])):
        world.driver.before_next(action, operation="Query", table=COUNTERS)
    assert counters.recount(NODE_TOTAL) == {}
    assert counters.read("nodes") == 7


def during_the_first_wait(world, monkeypatch, action):
    sleep, actions = world.clock.sleep, [action]

    def wait(seconds):
        sleep(seconds)
        if actions:
            actions.pop()()

    monkeypatch.setattr(world.clock, "sleep", wait)


def test_recount_ignores_a_row_that_came_and_went_meanwhile(world, monkeypatch):
    tables, counters = world.platform.tables, world.platform.counters
    row = {**world.driver.rows(NODES)[0], "id": "came-and-went"}
    world.driver.before_next(lambda: tables.commit([put_new(NODES, row)], "test"), operation="Query", table=NODES)
    gone = [Delete(NODES, {"id": row["id"]})]
    during_the_first_wait(world, monkeypatch, lambda: tables.commit(gone, "test"))
    assert counters.recount(NODE_TOTAL) == {}
    assert counters.read("nodes") == 3


def test_recount_corrects_what_two_looks_have_in_common(world, monkeypatch):
    counters = world.platform.counters
    counters.correct("nodes", 5)
    during_the_first_wait(world, monkeypatch, lambda: counters.add([Move("meanwhile", {"nodes": -3})]))
    assert counters.recount(NODE_TOTAL) == {"nodes": -2}


def test_negative_total_is_corrected_at_once(world):
    counters = world.platform.counters
    counters.correct("nodes", -10)
    assert counters.recount(NODE_TOTAL) == {"nodes": 10}
    assert counters.read("nodes") == 3


def test_recount_corrects_totals_of_each_cluster(world):
    machines(world, 4)
    list(world.relay_batches())  # read by nobody
    assert world.platform.counters.read("nodes#cluster_name#north") == 3
    world.sweep("recount")
    north = world.fleet.clusters.get("north", reach=EVERYWHERE)
    counted = {total: world.platform.counters.read(total) for total in dict(totals_of_cluster(north))}
    assert counted == {
        "aliases#cluster_name#north": 0,
        "enrollment_keys#cluster_name#north": 2,
        "nodes#cluster_name#north": 7,
        "executions#cluster_name#north": 3,
    }


def test_recount_covers_every_counted_table():
    assert {total.split("#", 1)[0] for total in TOTALS} == {counted.table.name for counted in FAMILIES.counted}


def test_recounted_totals_include_all_that_the_relay_moves(world):
    rows = {
        "nodes": {"status": "healthy", "cluster_name": "north"},
        "clusters": {},
        "commands": {},
        "enrollment_keys": {"cluster_name": "north"},
        "aliases": {"cluster_name": "north"},
    }
    recounted = TOTALS.keys() | dict(totals_of_cluster(world.fleet.clusters.get("north", reach=EVERYWHERE))).keys()
    counted = {each.table.name: each for each in FAMILIES.counted}
    for table, row in rows.items():
        assert set(totals_of(counted[table], row)) <= recounted
