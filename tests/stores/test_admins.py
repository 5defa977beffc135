"""Rows of admins and of their assignments, on the fake and on the emulator alike."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.admins.model import Admin, Assignment, Snapshot
from chalicelib.admins.store import ASSIGNMENT_LIMIT_BYTES, TABLE, AdminStore
from chalicelib.kit.tables import Meter, Tables
from chalicelib.kit.tables.dynamodb import DynamoDriver
from tests.emulator import create_tables
from tests.fakes.clock import START, FakeClock, FakeIds
from tests.fakes.dynamo import FakeDynamo

CLUSTER = "admin-cluster-one"
ONE = Admin(name="one", admin_cluster_name=CLUSTER, max_wireguard_peers=10)
TWO = Admin(name="two", admin_cluster_name=CLUSTER, max_wireguard_peers=2**31 - 1)


@pytest.fixture(params=["fake", "emulator"])
def store(request: pytest.FixtureRequest) -> Iterator[AdminStore]:
    clock = FakeClock()
    if request.param == "fake":
        yield AdminStore(Tables(FakeDynamo([TABLE], clock), clock, FakeIds()))
        return
    client = request.getfixturevalue("emulator").client("dynamodb")
    create_tables(client, [TABLE], "admins-")
    driver = DynamoDriver(client, "admins-", Meter())
    yield AdminStore(Tables(driver, clock, FakeIds()))
    driver.close()


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


def test_a_tick_that_comes_late_changes_nothing(store):
    store.beat(ONE, START)
    assert not store.beat(ONE, START - timedelta(seconds=1))
    assert [one.last_seen_at for one in store.admins()] == ["2026-11-21T10:00:00Z"]


def test_what_was_computed_comes_back(store):
    assert store.snapshot(CLUSTER) is None
    assert store.replace(0, snapshot())
    assert store.snapshot(CLUSTER) == snapshot(version=1)
    assert store.snapshot("admin-cluster-two") is None
    assert store.admins() == []


def test_of_two_computations_on_the_same_one_the_first_is_kept(store):
    assert store.replace(0, snapshot())
    assert not store.replace(0, snapshot(total_nodes=4))
    assert store.replace(1, snapshot(total_nodes=5))
    assert not store.replace(1, snapshot(total_nodes=6))
    kept = store.snapshot(CLUSTER)
    assert (kept.total_nodes, kept.version) == (5, 2)


def test_an_assignment_that_is_too_large_is_left_out(store):
    store.replace(0, snapshot())
    assert store.replace(1, snapshot(assignment=None))
    assert store.snapshot(CLUSTER) == snapshot(assignment=None, version=2)


def test_all_clusters_of_the_default_pool_fit_into_a_row(store):
    draw = random.Random(1)
    names = tuple("".join(draw.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=24)) for _ in range(16_384))
    assignment = Assignment(owned={"one": names[::2], "two": names[1::2]})
    assert store.fits(assignment)
    assert store.replace(0, snapshot(assignment=assignment))
    assert store.snapshot(CLUSTER).assignment == assignment
    assert not store.fits(Assignment(owned={"one": tuple(f"{name}{number}" for name in names for number in range(3))}))
    assert ASSIGNMENT_LIMIT_BYTES < 400_000
