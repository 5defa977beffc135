"""Rows of admins and of their assignments, on the fake and on the emulator alike."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.fleet.admins.model import Admin, Assignment, Snapshot
from chalicelib.fleet.admins.store import ASSIGNMENT_LIMIT_BYTES, TABLE, AdminStore
from chalicelib.kit.tables import Tables
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import START, FakeClock, FakeIds

CLUSTER = "admin-cluster-one"
ONE = Admin(name="one", admin_cluster_name=CLUSTER, max_wireguard_peers=10)
TWO = Admin(name="two", admin_cluster_name=CLUSTER, max_wireguard_peers=2**31 - 1)


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest) -> Iterator[AdminStore]:
    clock = FakeClock()
    with driver_for(request, [TABLE], clock) as driver:
        yield AdminStore(Tables(driver, clock, FakeIds()))


def snapshot(**fields):
    assignment = Assignment(owned={"one": ("north", "south"), "two": ()}, orphaned=("west",))
    given = {"computed_at": "2026-11-21T10:00:00Z", "topology": (ONE, TWO), "total_nodes": 3, "assignment": assignment}
    return Snapshot(admin_cluster_name=CLUSTER, **{**given, **fields})


def test_heartbeats_are_listed_by_name_as_last_seen(store):
    store.beat(TWO, START)
    store.beat(ONE, START)
    assert store.beat(ONE.model_copy(update={"max_wireguard_peers": 11}), START + timedelta(seconds=60))
    seen = [(one.name, one.admin_cluster_name, one.max_wireguard_peers, one.last_seen_at) for one in store.admins()]
    assert seen == [
        ("one", CLUSTER, 11, "2026-11-21T10:01:00Z"),
        ("two", CLUSTER, 2**31 - 1, "2026-11-21T10:00:00Z"),
    ]


def test_late_heartbeat_changes_nothing(store):
    store.beat(ONE, START)
    assert not store.beat(ONE, START - timedelta(seconds=1))
    assert [one.last_seen_at for one in store.admins()] == ["2026-11-21T10:00:00Z"]


def test_stored_snapshot_reads_back_as_computed(store):
    assert store.snapshot(CLUSTER) is None
    assert store.replace(0, snapshot())
    assert store.snapshot(CLUSTER) == snapshot(version=1)
    assert store.snapshot("admin-cluster-two") is None
    assert store.admins() == []


def test_second_snapshot_on_the_same_version_is_refused(store):
    assert store.replace(0, snapshot())
    assert not store.replace(0, snapshot(total_nodes=4))
    assert store.replace(1, snapshot(total_nodes=5))
    assert not store.replace(1, snapshot(total_nodes=6))
    kept = store.snapshot(CLUSTER)
    assert (kept.total_nodes, kept.version) == (5, 2)


def test_snapshot_without_its_assignment_reads_back(store):
    store.replace(0, snapshot())
    assert store.replace(1, snapshot(assignment=None))
    assert store.snapshot(CLUSTER) == snapshot(assignment=None, version=2)


def test_assignment_of_all_clusters_of_the_default_pool_fits_into_a_row(store):
    draw = random.Random(1)
    names = tuple("".join(draw.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=24)) for _ in range(16_384))
    assignment = Assignment(owned={"one": names[::2], "two": names[1::2]})
    assert store.fits(assignment)
    assert store.replace(0, snapshot(assignment=assignment))
    assert store.snapshot(CLUSTER).assignment == assignment
    assert not store.fits(Assignment(owned={"one": tuple(f"{name}{number}" for name in names for number in range(3))}))
    assert ASSIGNMENT_LIMIT_BYTES < 400_000


def test_delivery_queue_of_an_admin_reads_back_in_heartbeat_and_snapshot(store):
    far = TWO.model_copy(update={"delivery_queue_url": "https://sqs/far", "reaches_nodes": True})
    store.beat(far, START)
    (seen,) = store.admins()
    assert (seen.delivery_queue_url, seen.reaches_nodes) == ("https://sqs/far", True)
    store.replace(0, snapshot(topology=(ONE, far)))
    assert store.snapshot(CLUSTER).topology == (ONE, far)


def test_standing_shows_handovers_beside_the_snapshot(store):
    assert store.standing(CLUSTER) == (None, {}, 0)
    store.replace(0, snapshot())
    assert store.standing(CLUSTER) == (snapshot(version=1), {}, 0)
    assert store.hand_over(CLUSTER, 0, {"north": "https://sqs/far"})
    assert store.standing(CLUSTER) == (snapshot(version=1), {"north": "https://sqs/far"}, 1)
    assert store.standing("admin-cluster-two") == (None, {}, 0)


def test_second_handover_on_the_same_version_is_refused(store):
    assert store.hand_over(CLUSTER, 0, {"north": "a"})
    assert not store.hand_over(CLUSTER, 0, {"north": "b"})
    assert store.hand_over(CLUSTER, 1, {})
    assert not store.hand_over(CLUSTER, 1, {"north": "c"})
    assert store.standing(CLUSTER) == (None, {}, 2)
