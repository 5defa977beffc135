"""Things with our tags that no row wants are reported with their price, and never touched."""

import pytest

from chalicelib.kit.tables import Delete
from chalicelib.platform.provisioning.model import Seen, State
from chalicelib.platform.provisioning.store import RESOURCES
from tests.support.fakes.provider import Fault
from tests.support.provisioning import TENANT, BoxWorld


@pytest.fixture
def world():
    return BoxWorld()


def reported(world):
    world.lines.texts.clear()
    world.clock.advance(10)
    world.sweep("report_strangers")
    return [line for line in world.lines.records if line["event"] == "stranger"]


def test_thing_of_no_resource_is_reported_with_what_it_costs(world):
    world.boxes.plant(TENANT, "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee")
    (line,) = reported(world)
    assert (line["why"], line["tenant"], line["external_id"]) == ("no resource has its id", TENANT, "box-0001")
    assert (line["price_per_hour"], line["zone"], line["level"]) == ("0.0104 USD", "zone-a", "warn")
    assert line["since"] == "2026-11-21T10:00:00Z"
    world.pass_time(7200, step=30)
    assert [box.seen for box in world.boxes.there()] == [Seen.READY]


@pytest.mark.parametrize("tenant", ["", "a|b"])
def test_thing_with_an_impossible_tenant_is_reported(world, tenant):
    world.boxes.plant(tenant, "x")
    (line,) = reported(world)
    assert line["why"] == "no resource has its id"


def test_second_thing_of_a_resource_is_reported(world):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.plant(TENANT, made.id)
    (line,) = reported(world)
    assert (line["why"], line["external_id"]) == ("its resource has another thing", "box-0002")


def test_thing_of_a_row_that_was_lost_is_reported(world):
    made = world.create()
    world.until(made, State.READY)
    world.platform.tables.scoped(TENANT).write(Delete(RESOURCES, {"id": made.id}), "box.lost")
    assert [line["external_id"] for line in reported(world)] == ["box-0001"]


def test_things_of_living_resources_are_not_reported(world):
    made = world.create()
    world.settle()
    assert reported(world) == []
    world.until(made, State.READY)
    assert reported(world) == []
    world.delete(made)
    world.settle()
    assert reported(world) == []


def test_late_thing_of_a_row_that_is_gone_is_removed_and_not_reported(world):
    world.boxes.late_seconds = 2500
    world.boxes.plan("create", Fault.LATE)
    made = world.create()
    world.settle()
    world.delete(made)
    world.pass_time(2510, step=10)
    assert world.box(made).state is State.GONE
    assert len(world.boxes.there()) == 1
    assert reported(world) == []
    world.settle()
    world.pass_time(30)
    assert world.boxes.there() == []
