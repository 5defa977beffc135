"""One suite, two drivers: the same tests run on the fake and on the emulator."""

from collections.abc import Iterator

import pytest

from chalicelib.kit.tables import Driver, Tables
from tests.support.drivers import BOTH, FAKE, emulated
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo
from tests.unit.kit.sample_tables import SAMPLE_TABLES


@pytest.fixture
def fake(clock: FakeClock) -> FakeDynamo:
    return FakeDynamo(SAMPLE_TABLES, clock)


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    if request.param == FAKE:
        yield request.getfixturevalue("fake")
        return
    with emulated(request, SAMPLE_TABLES) as dynamo:
        yield dynamo


@pytest.fixture
def tables(driver: Driver, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(driver, clock, ids)


@pytest.fixture
def fake_tables(fake: FakeDynamo, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(fake, clock, ids)
