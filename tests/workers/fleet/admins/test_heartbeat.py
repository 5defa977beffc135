"""The heartbeat as it is deployed: by its string, on a tick of its schedule."""

import json

from chalicelib.fleet.admins.service import Admins
from chalicelib.fleet.admins.store import TABLE
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.world import World


def warnings(world):
    lines = [json.loads(text) for text in world.lines.texts]
    return [line for line in lines if line["event"] in ("clusters_orphaned", "assignment_too_large")]


def test_heartbeat_tick_stores_heartbeat_and_assignment():
    world = World(admin_name="admin-one")
    a_cluster(world)
    world.sweep("heartbeat")
    [heartbeat, assignment] = sorted(world.driver.rows(TABLE), key=lambda row: row["kind"])
    assert (heartbeat["name"], heartbeat["last_seen_at"]) == ("admin-one", "2026-11-21T10:00:00Z")
    assert (assignment["name"], assignment["computed_at"]) == ("admin-cluster-default", "2026-11-21T10:00:00Z")
    assert heartbeat["expires_epoch"] > world.clock.now().timestamp()
    assert world.platform.counters.read("happened#schedule.heartbeat") == 1
    assert warnings(world) == []


def test_second_heartbeat_tick_replaces_both_rows():
    world = World()
    for _ in range(2):
        world.sweep("heartbeat")
        world.clock.advance(60)
    assert [row["version"] for row in world.driver.rows(TABLE)] == [2, 2]


def test_orphaned_clusters_are_logged():
    world = World(admin_max_wireguard_peers=2)
    a_cluster(world)
    machines(world, 3)
    world.sweep("heartbeat")
    [line] = warnings(world)
    assert (line["event"], line["clusters"], line["nodes"], line["capacity"], line["degraded"]) == (
        *("clusters_orphaned", 1, 3, 2),
        True,
    )


def test_assignment_too_large_for_a_row_is_omitted_and_logged():
    world = World()
    a_cluster(world)
    parts = world.fleet
    parts.admins.__dict__["registry"] = Admins(
        *(parts.platform.tables, parts.platform.clock, parts.clusters, parts.nodes),
        me=parts.admins.registry.me,
        list_read_limit=100,
        assignment_limit_bytes=10,
    )

    world.sweep("heartbeat")

    [line] = warnings(world)
    assert line["event"] == "assignment_too_large"
    assert operator(world).get("/api/v1/admins/my_admin_cluster").data["total_admins"] == 1
    assert operator(world).get("/api/v1/admins/edge_clusters").status == 400
    world.sweep("heartbeat")
    assert parts.admins.registry.snapshot().version == 2
