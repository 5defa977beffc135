"""One suite, two drivers: a fixture with the parameters `BOTH` runs its tests on the fake and on the emulator."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from chalicelib.kit.tables import Driver, Meter, Table
from chalicelib.kit.tables.dynamodb import DynamoDriver
from tests.support.emulator import create_tables
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.dynamo import FakeDynamo

FAKE = "fake"
BOTH = [FAKE, "emulator"]

PREFIX = "test-"


@contextmanager
def driver_for(request: pytest.FixtureRequest, tables: Sequence[Table], clock: FakeClock) -> Iterator[Driver]:
    """The driver that the fixture's parameter asks for, on these tables, empty."""
    if request.param == FAKE:
        yield FakeDynamo(tables, clock)
        return
    with emulated(request, tables) as driver:
        yield driver


@contextmanager
def emulated(request: pytest.FixtureRequest, tables: Sequence[Table]) -> Iterator[Driver]:
    """The driver of the application, on the emulator."""
    client = request.getfixturevalue("emulator").client("dynamodb")
    create_tables(client, tables, PREFIX)
    driver = DynamoDriver(client, PREFIX, Meter())
    try:
        yield driver
    finally:
        driver.close()
