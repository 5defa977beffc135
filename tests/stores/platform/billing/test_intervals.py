"""Intervals of one resource, on both drivers."""

from collections.abc import Iterator

import pytest

from chalicelib.kit.tables import Driver, Tables
from chalicelib.platform.billing.model import Mark
from chalicelib.platform.billing.service import Bills, Metering
from chalicelib.platform.billing.store import INTERVALS, interval_in
from tests.support.drivers import BOTH, driver_for
from tests.support.fakes.clock import FakeClock, FakeIds

TENANT = "customer-1"


@pytest.fixture(params=BOTH)
def driver(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Driver]:
    with driver_for(request, [INTERVALS], clock) as made:
        yield made


@pytest.fixture
def tables(driver: Driver, clock: FakeClock, ids: FakeIds) -> Tables:
    return Tables(driver, clock, ids)


@pytest.fixture
def note(tables):
    metering = Metering(tables.scoped)

    def one(version, at, size=None, tenant=TENANT):
        charge = {"charge_type": "instance", "charge_size": size, "units": 1} if size else {}
        when = f"2026-11-20T{at}:00Z"
        metering.note(
            Mark(tenant=tenant, resource_id="r", kind="instance", owner="u", version=version, at=when, **charge)
        )

    return one


@pytest.fixture
def parts(tables, clock):
    bills = Bills(tables.scoped, clock)

    def shown(tenant=TENANT):
        return [
            (part.charged.size, f"{part.start:%H:%M}", part.interval.ends_at and f"{part.end:%H:%M}")
            for part in bills.usage(tenant, None, None)
        ]

    return shown


def test_marks_in_order_end_one_another(note, parts, driver):
    note(3, "08:00", "local-small")
    note(7, "09:00")
    note(9, "09:30", "ubuntu-small")
    assert parts() == [("ubuntu-small", "09:30", None), ("local-small", "08:00", "09:00")]


def test_late_mark_shortens_the_interval_that_it_falls_into(note, parts):
    note(9, "12:00")
    note(3, "08:00", "local-small")
    assert parts() == [("local-small", "08:00", "12:00")]
    note(5, "09:00", "ubuntu-small")
    assert parts() == [("ubuntu-small", "09:00", "12:00"), ("local-small", "08:00", "09:00")]


def test_mark_that_comes_again_changes_nothing(note, parts, tables):
    for _ in range(2):
        note(3, "08:00", "local-small")
        note(5, "09:00")
        note(3, "08:00", "local-small")
    assert parts() == [("local-small", "08:00", "09:00")]


def test_tenants_have_intervals_of_their_own(note, parts):
    note(3, "08:00", "local-small", tenant="another")
    assert parts() == []
    assert parts("another") == [("local-small", "08:00", None)]


def test_mark_costs_one_put_two_reads_and_one_end(note, driver):
    note(3, "08:00", "local-small")
    driver.meter.reset()
    note(5, "09:00")
    assert [call.operation for call in driver.meter.calls] == ["PutItem", "Query", "Query", "UpdateItem"]


def test_bill_is_one_query_of_the_tenants_intervals(note, parts, driver):
    note(3, "08:00", "local-small")
    driver.meter.reset()
    parts()
    assert [call.operation for call in driver.meter.calls] == ["Query"]


def test_row_of_an_interval_names_no_person_and_no_name():
    names = set(
        interval_in({"resource_id": "r", "position": "1", "kind": "k", "owner": "u", "starts_at": "t"}).model_dump()
    )
    assert names == {"resource_id", "position", "kind", "owner", "starts_at", "ends_at", "ended_by", "charged"}
