"""The life of a resource through the deployed worker, on the strict provider."""

import pytest

from chalicelib.kit.errors import EdgeError
from chalicelib.platform.provisioning.model import Changes, Power, State
from tests.support.fakes.provider import Fault
from tests.support.fakes.provider_driver import KIND
from tests.support.provisioning import BoxWorld


@pytest.fixture
def world():
    return BoxWorld()


def test_new_resource_becomes_ready(world):
    made = world.create()
    assert (made.state, world.boxes.calls) == (State.PENDING, [])
    world.settle()
    assert world.box(made).state is State.CREATING
    ready = world.until(made, State.READY)
    assert (ready.external, ready.reason, ready.done_generation) == ({"id": "box-0001"}, "", 1)
    assert [box.tags for box in world.boxes.there()] == [{"tenant": "customer-1", "resource": made.id}]


def test_deleted_resource_is_gone_with_its_quota(world):
    made = world.create()
    world.until(made, State.READY)
    assert world.used() == 1
    world.delete(made)
    gone = world.until(made, State.GONE)
    assert (world.boxes.there(), world.used(), gone.is_released) == ([], 0, True)
    world.pass_time(3700, step=20)
    assert world.rows() == []


def test_stop_and_start_follow_the_row(world):
    made = world.create()
    world.until(made, State.READY)
    for power in (Power.OFF, Power.ON):
        changed = world.platform.resources(made.tenant).change(
            KIND, made.id, lambda _row, power=power: Changes(power=power), "box.power"
        )
        assert changed.state is State.CHANGING
        ready = world.until(made, State.READY)
        assert (ready.power, ready.done_generation) == (power, changed.generation)


@pytest.mark.parametrize("fault", list(Fault))
def test_fault_of_one_create_ends_in_one_box_or_the_truth(world, fault):
    world.boxes.plan("create", fault)
    made = world.create()
    end = world.until(made, State.READY, State.FAILED)
    assert end.state is (State.FAILED if fault is Fault.REFUSED else State.READY)
    assert world.used() == len(world.boxes.there()) == (fault is not Fault.REFUSED)
    assert "secret" not in end.reason
    world.delete(made)
    world.until(made, State.GONE)
    world.pass_time(600)
    assert (world.used(), world.boxes.there()) == (0, [])


def test_quota_that_is_used_up_refuses_one_more(world):
    world.create(limit=1)
    with pytest.raises(EdgeError) as refused:
        world.create(limit=1)
    assert refused.value.code == "quota_exceeded"
    assert (world.used(), len(world.rows())) == (1, 1)
