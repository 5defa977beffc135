"""Rows of cached metrics, on the fake and on the emulator alike."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.store import COMPRESSED_BYTES, TABLE, MetricsStore
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Tables
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import START, FakeClock, FakeIds

NODE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
HOST, AGENT, WIREGUARD = MetricsType
LATER = START + timedelta(seconds=1)


@pytest.fixture(params=BOTH)
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    clock = FakeClock()
    with driver_for(request, [TABLE], clock) as driver:
        yield Tables(driver, clock, FakeIds())


@pytest.fixture
def store(tables):
    return MetricsStore(tables)


def noise(size: int) -> str:
    """Text that does not compress well: six bits a byte."""
    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", k=size))


def test_newer_push_replaces_the_previous_metrics(store):
    first = store.put(NODE, HOST, "up 1\n", START)
    second = store.put(NODE, HOST, "up 2 # é\n", LATER)
    assert (first.text, first.updated_at) == ("up 1\n", "2026-11-21T10:00:00Z")
    assert (second.text, second.updated_at) == ("up 2 # é\n", "2026-11-21T10:00:01Z")
    assert (second.id, second.version) == (first.id, first.version + 1)
    assert store.find(NODE, MetricsType) == {HOST: second}


def test_late_push_does_not_replace_newer_metrics(store):
    newer = store.put(NODE, HOST, "up 2\n", LATER)
    assert store.put(NODE, HOST, "up 1\n", START) == newer
    assert store.find(NODE, [HOST]) == {HOST: newer}


def test_metrics_are_kept_per_node_and_type(store):
    kept = [store.put(node, each, f"{node} {each}", START) for node in (NODE, OTHER) for each in MetricsType]
    assert len({metrics.id for metrics in kept}) == 6
    assert {each: metrics.text for each, metrics in store.find(OTHER, [AGENT, WIREGUARD]).items()} == {
        AGENT: f"{OTHER} agent",
        WIREGUARD: f"{OTHER} wireguard",
    }


def test_metrics_of_a_node_are_removed_repeatably(store):
    for node in (NODE, OTHER):
        store.put(node, HOST, "up 1\n", START)
    for _ in range(2):
        store.remove(NODE)
    assert store.find(NODE, MetricsType) == {}
    assert list(store.find(OTHER, MetricsType)) == [HOST]


def test_metrics_push_read_and_removal_take_one_call_each(store, tables):
    store.put(NODE, HOST, "up 1\n", START)
    assert [call.operation for call in tables.meter.calls] == ["UpdateItem"]
    tables.meter.reset()
    store.find(NODE, MetricsType)
    store.remove(NODE)
    assert [call.operation for call in tables.meter.calls] == ["BatchGetItem", "TransactWriteItems"]


def test_metrics_text_is_stored_compressed_for_a_day(store, tables):
    text = "".join(f'node_cpu_seconds_total{{cpu="{cpu}"}} 1.5\n' for cpu in range(5000))
    store.put(NODE, HOST, text, START)
    row = tables.get(TABLE, {"node_id": NODE, "metrics_type": "host"})
    assert len(row["text_gz"]) < len(text) / 10
    assert store.find(NODE, [HOST])[HOST].text == text
    assert row["expires_epoch"] == int(START.timestamp()) + 86_400


def test_metrics_text_above_the_row_limit_is_refused(store):
    largest = noise(COMPRESSED_BYTES * 1000 // 760)
    assert store.put(NODE, HOST, largest, START).text == largest
    with pytest.raises(EdgeError) as refused:
        store.put(NODE, HOST, noise(COMPRESSED_BYTES * 1000 // 740), LATER)
    assert refused.value.kind is Kind.PAYLOAD_TOO_LARGE
    assert store.find(NODE, [HOST])[HOST].text == largest
