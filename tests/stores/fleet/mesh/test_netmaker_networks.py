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


def test_noted_networks_read_back_by_name_and_in_pages(store):
    for number, name in enumerate(("c", "a", "b")):
        store.note_made(name, f"cluster-{number}")

    assert store.find("a") == MadeNetwork("a", "cluster-1")
    assert store.find("z") is None
    first = store.page(None, 2)
    assert [row.name for row in first] == ["a", "b"]
    assert [row.name for row in store.page(first[-1].name, 2)] == ["c"]


def test_noted_strays_are_kept_until_the_network_is_made_again(store):
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


def test_forgetting_an_older_network_keeps_the_newer_of_its_name(store):
    store.note_made("a", "one")
    made = store.find("a")
    store.note_made("a", "two")
    store.forget(made)
    assert store.find("a") == MadeNetwork("a", "two")

    store.forget(MadeNetwork("a", "two"))
    store.forget(MadeNetwork("a", "two"))
    assert store.find("a") is None
