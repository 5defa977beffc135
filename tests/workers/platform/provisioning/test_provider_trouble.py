"""A provider in trouble: each resource ends in a truthful state, with a reason that says what helps."""

import pytest

from chalicelib.platform.provisioning.model import Power, Seen, State
from tests.support.declared import handler_of
from tests.support.fakes.provider import Fault
from tests.support.provisioning import BoxWorld
from tests.support.world import sqs_record

LONGEST_LIFE_SECONDS = 20 * 60
"""Until a creation has failed for good: its deadline, and the wait until it is certain that nothing was made."""


@pytest.fixture
def world():
    return BoxWorld()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.THROTTLED, "The provider is throttling requests"),
        (Fault.NO_CAPACITY, "There is no capacity in this zone: use another one"),
        (Fault.LOST, "The provider did not answer"),
        (Fault.BUG, "It failed unexpectedly"),
    ],
)
def test_creation_that_never_works_fails_at_its_deadline_and_returns_the_quota(world, fault, reason):
    world.boxes.plan("create", *[fault] * 1000)
    made = world.create()
    failed = world.until(made, State.FAILED)
    assert failed.reason.startswith(f"It was not ready within 15 minutes: {reason}")
    assert failed.reason.endswith("Delete it and create it again")
    world.pass_time(400, step=5)
    assert (world.used(), world.boxes.there()) == (0, [])


def test_waiting_resource_says_what_it_waits_for(world):
    world.boxes.plan("create", Fault.NO_CAPACITY)
    made = world.create()
    world.settle()
    assert (world.box(made).state, world.box(made).reason) == (
        State.PENDING,
        "There is no capacity in this zone: use another one",
    )


def test_refused_creation_fails_at_once_with_its_reason_and_returns_the_quota(world):
    world.boxes.plan("create", Fault.REFUSED)
    made = world.create()
    world.settle()
    failed = world.box(made)
    assert (failed.state, failed.is_released, world.used()) == (State.FAILED, True, 0)
    assert failed.reason == "The size is not offered in this zone: choose another size"


def test_provider_that_is_down_ends_no_creation_in_waiting_for_ever(world):
    made = world.create()
    world.settle()
    world.boxes.is_down = True
    failed = world.until(made, State.FAILED)
    assert "The provider does not answer" in failed.reason
    assert world.used() == 1
    world.boxes.is_down = False
    assert world.until(made, State.READY).reason == ""


def test_provider_that_is_down_leaves_things_at_rest_as_they_are(world):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.is_down = True
    world.pass_time(3 * 3600, step=20)
    assert world.box(made).state is State.READY


@pytest.mark.parametrize(
    ("seen", "state", "reason", "used"),
    [
        (Seen.ENDED, State.FAILED, "It is not there any more at its provider. Delete it and create it again", 0),
        (Seen.BROKEN, State.FAILED, "its disk is full", 1),
        (Seen.STOPPED, State.READY, "It was turned off outside of this API", 1),
    ],
)
def test_thing_that_changes_outside_is_told_within_an_hour(world, seen, state, reason, used):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.become("box-0001", seen, "its disk is full" if seen is Seen.BROKEN else "")
    world.pass_time(3900, step=15)
    row = world.box(made)
    assert (row.state, row.reason, world.used()) == (state, reason, used)


def test_thing_that_vanishes_is_told_and_its_quota_returned(world):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.vanish("box-0001")
    failed = world.until(made, State.FAILED)
    assert (failed.is_released, world.used()) == (True, 0)
    world.delete(made)
    world.until(made, State.GONE)
    assert world.used() == 0


def test_event_of_the_provider_has_a_thing_looked_at_at_once(world):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.become("box-0001", Seen.STOPPED)
    world.clock.advance(10)
    world.platform.all_resources.wake_external("box", "box-0001")
    world.pass_time(3)
    assert world.box(made).power is Power.OFF


def test_thing_that_cannot_be_removed_fails_and_goes_when_it_can(world):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.plan("delete", *[Fault.LOST] * 200)
    world.delete(made)
    failed = world.until(made, State.FAILED)
    assert failed.reason == (
        "It could not be removed within 30 minutes: The provider did not answer. "
        "It is tried again each hour; delete it again to try at once"
    )
    assert world.used() == 1
    world.boxes.faults.clear()
    world.delete(made)
    world.until(made, State.GONE)
    assert (world.used(), world.boxes.there()) == (0, [])


def test_refused_change_leaves_the_thing_as_it_is_with_the_reason(world):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.plan("change", Fault.REFUSED)
    world.change(made, power=Power.OFF)
    world.settle()
    assert world.box(made).state is State.FAILED
    row = world.until(made, State.READY, seconds=300)
    assert (row.power, row.reason) == (Power.ON, "The size is not offered in this zone: choose another size")


@pytest.mark.parametrize("fault", [None, Fault.ANSWER_LOST, Fault.CRASH_AFTER, Fault.CRASH_BEFORE, Fault.THROTTLED])
def test_act_is_carried_out_once(world, fault):
    made = world.create()
    world.until(made, State.READY)
    if fault is not None:
        world.boxes.plan("change", fault)
    changed = world.change(made, act="restart")
    row = world.until(made, State.READY)
    assert (row.act, row.done_generation) == ("", changed.generation)
    assert [box.acts for box in world.boxes.boxes()] == [[(changed.generation, "restart")]]


def test_error_of_a_driver_is_logged_without_its_text(world):
    world.boxes.plan("create", Fault.BUG)
    made = world.create()
    world.settle()
    (line,) = [line for line in world.lines.records if line["event"] == "driver_failed"]
    assert (line["kind"], line["id"], line["call"]) == ("box", made.id, "create")
    assert "a secret of a driver" not in world.box(made).reason


def test_failing_driver_does_not_stop_other_resources_of_the_batch(world):
    world.boxes.plan("create", Fault.BUG)
    made = [world.create(name) for name in ("a", "b")]
    world.settle()
    assert sorted(world.box(each).state for each in made) == [State.CREATING, State.PENDING]


def test_bug_that_one_resource_meets_in_a_look_does_not_stop_others(world):
    made = [world.create(str(number)) for number in range(20)]
    world.settle()
    world.boxes.poison = made[7].id
    world.pass_time(120)
    states = {each.id: world.box(each).state for each in made}
    assert states.pop(made[7].id) is State.CREATING
    assert set(states.values()) == {State.READY}
    assert "unexpectedly" in world.box(made[7]).reason
    world.pass_time(1000, step=5)
    assert world.box(made[7]).state is State.FAILED


def test_thing_that_a_driver_leaves_out_is_not_taken_for_missing(world):
    made = world.create()
    world.until(made, State.READY)
    world.boxes.left_out = made.id
    world.pass_time(3 * 3600, step=20)
    assert world.box(made).state is State.READY


def test_event_of_the_provider_does_not_disturb_a_worker_that_is_at_it(world):
    made = world.create()
    world.boxes.plan("create", Fault.CRASH_AFTER)
    world.settle()
    assert world.box(made).leased_until is not None
    assert not world.platform.all_resources.wake("box", made.id)
    world.clock.advance(130)
    assert world.platform.all_resources.wake("box", made.id)
    assert world.until(made, State.READY).leased_until is None


def test_resource_of_a_kind_that_is_not_deployed_is_told_and_left_alone(world):
    made = world.create()
    world.relay_only()
    message = {"kind": "tin", "resources": [[made.tenant, made.id]], "hop": 0}
    own = {"kind": "box", "resources": [[made.tenant, made.id]], "hop": 0}
    records = [sqs_record(message, "m-1"), sqs_record(own, "m-2")]
    assert world.call(handler_of("provision"), {"Records": records}) == {"batchItemFailures": []}
    assert world.box(made).state is State.CREATING
    (line,) = [line for line in world.lines.records if line["event"] == "unknown_kind"]
    assert (line["kind"], line["count"], line["level"]) == ("tin", 1, "error")
