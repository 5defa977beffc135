"""One suite, two drivers: the same tests run on the fake and on the emulator."""

from collections.abc import Iterator

import pytest

from chalicelib.kit.tables import Driver, Meter, Tables
from chalicelib.kit.tables.dynamodb import DynamoDriver
from tests.emulator import create_tables
from tests.fakes.clock import FakeClock, FakeIds
from tests.fakes.dynamo import FakeDynamo
from tests.unit.kit.sample_tables import SAMPLE_TABLES


@pytest.fixture
def fake(clock: FakeClock) -> FakeDynamo:
    return FakeDynamo(SAMPLE_TABLES, clock)


@pytest.fixture(params=["fake", "emulator"])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    if request.param == "fake":
        yield request.getfixturevalue("fake")
        return
    client = request.getfixturevalue("emulator").client("dynamodb")
    create_tables(client, SAMPLE_TABLES, "test-")
    dynamo = DynamoDriver(client, "test-", Meter())
    yield dynamo
    dynamo.close()


@pytest.fixture
def tables(driver: Driver, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(driver, clock, ids)


@pytest.fixture
def fake_tables(fake: FakeDynamo, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(fake, clock, ids)
