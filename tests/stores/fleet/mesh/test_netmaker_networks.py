"""Rows of the networks that we made, on the fake and on the emulator alike."""

from collections.abc import Iterator

import pytest

from chalicelib.fleet.mesh.store import TABLE, MadeNetwork, NetworkStore
from chalicelib.kit.tables import Meter, Tables
from chalicelib.kit.tables.dynamodb import DynamoDriver
from tests.support.emulator import create_tables
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo


@pytest.fixture(params=["fake", "emulator"])
def store(request: pytest.FixtureRequest) -> Iterator[NetworkStore]:
    clock = FakeClock()
    if request.param == "fake":
        yield NetworkStore(Tables(FakeDynamo([TABLE], clock), clock, FakeIds()))
        return
    client = request.getfixturevalue("emulator").client("dynamodb")
    create_tables(client, [TABLE], "vpn-")
    driver = DynamoDriver(client, "vpn-", Meter())
    yield NetworkStore(Tables(driver, clock, FakeIds()))
    driver.close()


def test_what_is_noted_comes_back_page_by_page(store):
    for number, name in enumerate(("c", "a", "b")):
        store.note_made(name, f"cluster-{number}")

    assert store.find("a") == MadeNetwork("a", "cluster-1")
    assert store.find("z") is None
    first = store.page(None, 2)
    assert [row.name for row in first] == ["a", "b"]
    assert [row.name for row in store.page(first[-1].name, 2)] == ["c"]


def test_strays_are_remembered_until_the_network_is_made_anew(store):
    store.note_made("a", "one")
    made = store.find("a")
    store.note_strays(made, {"host": "2026-11-21T10:00:00Z"})
    assert store.find("a").strays == {"host": "2026-11-21T10:00:00Z"}

    store.note_strays(made, {})
    assert store.find("a") == made
    store.note_strays(made, {"host": "2026-11-21T10:00:00Z"})
    store.note_made("a", "two")
    store.note_strays(made, {"other": "2026-11-21T11:00:00Z"})
    assert store.find("a") == MadeNetwork("a", "two")


def test_one_that_was_made_again_is_not_forgotten_for_the_older(store):
    store.note_made("a", "one")
    made = store.find("a")
    store.note_made("a", "two")
    store.forget(made)
    assert store.find("a") == MadeNetwork("a", "two")

    store.forget(MadeNetwork("a", "two"))
    store.forget(MadeNetwork("a", "two"))
    assert store.find("a") is None
