"""The recount of quotas by the deployed worker, beside callers and an index that lags."""

from random import Random

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.kit.tables import Set, Update
from chalicelib.platform.provisioning.model import Share
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.support.provisioning import QUOTA, TENANT, BoxWorld


@pytest.fixture
def world():
    return BoxWorld()


def break_counter(world, used, quota=QUOTA):
    wrong = Update(QUOTAS, {"quota": quota}, (Set("used", used),))
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


def gb_of(world):
    return world.platform.quotas.used(TENANT, ["gb"])["gb"]


def test_counter_of_shares_is_the_sum_of_those_that_are_there(world):
    world.create(shares=(Share("gb", 7), Share("vcpus", 2)))
    ended = world.create(shares=(Share("gb", 5),))
    world.create(shares=(Share("gb", 3),))
    world.delete(ended)
    world.pass_time(600)
    break_counter(world, 99, "gb")
    world.sweep("recount")
    assert (gb_of(world), [line["by"] for line in corrections(world)]) == (10, [10 - 99])


@pytest.mark.parametrize("seed", range(3))
def test_parallel_callers_never_exceed_an_amount(world, seed):
    """Eight make and delete at once; every write of the counter is watched, and the end equals a recount."""
    limit, chance, highest, refused = 10, Random(seed), [], []

    def watch(_operation, plan):
        rows = [row for write, _key, _old, row in plan if write.table.name == QUOTAS.name and row]
        highest.extend(row["used"] for row in rows if "used" in row)

    world.driver.on_write = watch
    world.driver.latency(0.01)

    def caller():
        for _ in range(3):
            world.clock.sleep(chance.random())
            try:
                made = world.create(shares=(Share("gb", chance.randint(1, 6), limit),), quota="")
            except EdgeError as error:
                refused.append(error.code)
            else:
                if chance.random() < 0.5:
                    world.delete(made)

    outcomes = world.clock.run_together([caller for _ in range(8)])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert (max(highest) <= limit, "quota_exceeded" in refused) == (True, True)
    world.pass_time(900)
    assert gb_of(world) == sum(row.shares["gb"] for row in world.rows() if not row.is_released)
