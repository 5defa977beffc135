"""The cost of resources, in calls and units of DynamoDB and in calls of the provider."""

import pytest

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.store import holding
from tests.support.provisioning import QUOTA, TENANT, BoxWorld

QUOTA_LIMIT = 50
CALLERS = 200


@pytest.fixture
def world():
    return BoxWorld()


def metered(world, work):
    meter = world.driver.meter
    meter.reset()
    work()
    return [call.operation for call in meter.calls], meter.write_units


def test_create_is_one_transaction_before_any_call_of_the_provider(world):
    calls, units = metered(world, world.create)
    assert calls == ["TransactWriteItems"]
    assert units <= 14  # the row, its entries in five indexes, and the counter
    assert world.boxes.calls == []


def test_life_without_trouble_takes_a_bounded_number_of_writes(world):
    written = []
    world.driver.on_write = lambda operation, plan: written.append(plan[0][0].table.name)
    made = world.create()
    world.until(made, State.READY)
    assert (written.count("resources"), written.count("quotas")) == (9, 0)
    written.clear()
    world.delete(made)
    world.until(made, State.GONE)
    assert written.count("resources") == 7


def test_thing_at_rest_costs_one_look_and_one_write_an_hour(world):
    made = world.create()
    world.until(made, State.READY)
    world.settle()
    world.boxes.calls.clear()
    written = []
    world.driver.on_write = lambda operation, plan: written.append((operation, plan[0][0].table.name))
    world.pass_time(24 * 3600, step=20)
    looks = [(operation, table) for operation, table in written if table == "resources"]
    assert len(world.boxes.calls) in {23, 24, 25}
    assert looks == [("UpdateItem", "resources")] * len(world.boxes.calls)


def test_look_at_a_thing_at_rest_is_one_read_and_one_write(world):
    made = world.create()
    world.until(made, State.READY)
    world.settle()
    world.clock.advance(3800)
    world.sweep("sweep_provisioning")
    world.work_only()
    meter = world.driver.meter
    assert [call.operation for call in meter.calls] == ["BatchGetItem", "UpdateItem"]
    assert (meter.read_units, meter.write_units) == (
        1,
        3,
    )  # the row, and its entry of what is due: removed and put anew


def test_200_creates_at_once_against_a_quota_of_50_make_exactly_50(world):
    """Callers repeat what is answered with 503, as clients do."""
    world.driver.latency(0.01)
    world.driver.transaction_seconds(0.02)

    def create(number):
        for _ in range(100):
            try:
                return world.create(f"box-{number}", limit=QUOTA_LIMIT)
            except EdgeError as error:
                if error.kind is not Kind.UNAVAILABLE:
                    return error.code
                world.clock.sleep(1)
        return "never"

    outcomes = world.clock.run_together([lambda number=number: create(number) for number in range(CALLERS)])
    world.driver.latency(0)
    assert not [each for each in outcomes if isinstance(each, BaseException)]
    made = [each for each in outcomes if not isinstance(each, str)]
    assert (len(made), {each for each in outcomes if isinstance(each, str)}) == (QUOTA_LIMIT, {"quota_exceeded"})
    assert len({each.id for each in made}) == len(world.rows()) == world.used() == QUOTA_LIMIT
    assert list(world.platform.quotas.recount(holding)) == []


def test_caller_waits_for_no_other_tenant(world):
    world.driver.transaction_seconds(10)
    world.create(tenant="one")
    pauses = len(world.clock.pauses)
    world.create(tenant="two")
    assert len(world.clock.pauses) == pauses
    assert world.platform.quotas.used(TENANT, [QUOTA]) == {QUOTA: 0}
