"""Blocks of a key's limit, on both drivers."""

from collections.abc import Iterator

import pytest

from chalicelib.kit.ids import to_milliseconds
from chalicelib.kit.tables import Driver, Tables
from chalicelib.platform.limits.rules import limit_of
from chalicelib.platform.limits.store import LIMITS, Lease, LimitStore
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds

LIMIT = limit_of(6)
COST_MS = 10_000


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Driver]:
    with driver_for(request, [LIMITS], clock) as made:
        yield made


@pytest.fixture
def store(driver: Driver, clock: FakeClock, ids: FakeIds) -> LimitStore:
    return LimitStore(Tables(driver, clock, ids), clock)


def test_first_block_makes_the_row(store, driver, clock):
    lease = store.lease("a", LIMIT, 0)

    assert lease == Lease(to_milliseconds(clock.now()) + COST_MS, is_granted=True)
    assert [(call.operation, call.write_units) for call in driver.meter.calls] == [("UpdateItem", 1)]


def test_further_block_is_one_write_for_who_knows_the_row(store, driver, clock):
    first = store.lease("a", LIMIT, 0)
    driver.meter.reset()

    assert store.lease("a", LIMIT, first.full_at_ms) == Lease(first.full_at_ms + COST_MS, is_granted=True)
    assert driver.meter.count == 1


def test_further_block_is_two_writes_for_who_does_not(store, driver):
    first = store.lease("a", LIMIT, 0)
    driver.meter.reset()

    assert store.lease("a", LIMIT, 0) == Lease(first.full_at_ms + COST_MS, is_granted=True)
    assert driver.meter.count == 2


def test_empty_bucket_refuses_and_says_when_it_is_full(store, clock):
    full_at_ms = 0
    for _ in range(6):
        full_at_ms = store.lease("a", LIMIT, full_at_ms).full_at_ms
    refused = store.lease("a", LIMIT, full_at_ms)

    assert refused == Lease(to_milliseconds(clock.now()) + 60_000, is_granted=False)
    clock.advance(10)
    assert store.lease("a", LIMIT, full_at_ms).is_granted
    assert not store.lease("a", LIMIT, full_at_ms).is_granted


def test_row_that_is_full_again_starts_afresh(store, clock):
    seen = store.lease("a", LIMIT, 0).full_at_ms
    clock.advance(11)

    assert store.lease("a", LIMIT, seen + COST_MS) == Lease(to_milliseconds(clock.now()) + COST_MS, is_granted=True)


def test_subjects_have_rows_of_their_own(store):
    for _ in range(6):
        store.lease("a", LIMIT, 0)

    assert not store.lease("a", LIMIT, 0).is_granted
    assert store.lease("b", LIMIT, 0).is_granted
