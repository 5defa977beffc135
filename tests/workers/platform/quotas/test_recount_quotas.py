"""The recount of quotas by the deployed worker, beside callers and an index that lags."""

import pytest

from chalicelib.kit.tables import Set, Update
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.support.provisioning import QUOTA, TENANT, BoxWorld


@pytest.fixture
def world():
    return BoxWorld()


def break_counter(world, used):
    wrong = Update(QUOTAS, {"quota": QUOTA}, (Set("used", used),))
    world.platform.tables.scoped(TENANT).write(wrong, "quota.broken")


def corrections(world):
    return [line for line in world.lines.records if line["event"] == "quota_corrected"]


def test_wrong_counter_is_corrected_and_told(world):
    world.create()
    break_counter(world, 9)
    world.sweep("recount")
    assert world.used() == 1
    (told,) = corrections(world)
    assert (told["level"], told["tenant"], told["quota"], told["by"]) == ("warn", TENANT, QUOTA, -8)


def test_right_counter_costs_no_wait_and_no_line(world):
    world.create()
    world.settle()
    world.sweep("recount")
    assert (corrections(world), world.clock.pauses) == ([], [])


def test_row_that_the_index_does_not_show_yet_is_no_drift(world):
    world.create()
    world.driver.index_lag(10)
    world.create()
    world.sweep("recount")
    assert (corrections(world), world.used()) == ([], 2)


def test_counter_that_moves_meanwhile_is_left_to_the_next_recount(world):
    world.create()
    break_counter(world, 5)
    world.driver.before_next(world.create, operation="UpdateItem", table=QUOTAS)
    world.sweep("recount")
    assert (corrections(world), world.used()) == ([], 6)
    world.sweep("recount")
    assert world.used() == 2
