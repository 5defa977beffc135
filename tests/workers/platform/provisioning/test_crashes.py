"""Whatever is lost, at any point of a life: one thing at most, and in the end what the row says."""

import pytest

from chalicelib.platform.provisioning.model import Power, Seen, State, Tagged
from tests.support.declared import handler_of
from tests.support.fakes.provider import Fault
from tests.support.provisioning import QUOTA, BoxWorld
from tests.support.provisioning_invariants import check_rest
from tests.support.world import LambdaContext, sqs_record

POINTS = range(1, 9)
"""After so many writes of workers a life that takes no detour has reached its end."""


@pytest.fixture
def world():
    return BoxWorld()


def check(world):
    things = [
        Tagged(tenant=box.tags["tenant"], resource_id=box.tags["resource"], external_id=box.id)
        for box in world.boxes.there()
    ]
    used = lambda tenant, quota: world.platform.quotas.used(tenant, [quota])[quota]  # noqa: E731
    check_rest(world.rows(), things, used, world.claims())
    assert all(most == 1 for most in world.boxes.most_ever_there.values())


def delete(world, made):
    world.delete(made)
    world.until(made, State.GONE)
    for _ in range(40):
        assert (world.boxes.there(), world.used()) == ([], 0)
        world.pass_time(10, step=5)
    check(world)


@pytest.mark.parametrize("point", POINTS)
def test_worker_that_dies_after_a_write_makes_one_thing(world, point):
    made = world.create()
    world.settle(crash_after=point)
    world.until(made, State.READY)
    check(world)
    delete(world, made)


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.LATE, Fault.LOST])
@pytest.mark.parametrize("call", ["create", "change", "delete"])
def test_worker_that_dies_in_a_call_makes_one_thing_and_leaves_none(world, call, fault):
    made = world.create()
    world.boxes.plan(call, fault)
    world.until(made, State.READY)
    world.change(made, power=Power.OFF)
    assert world.until(made, State.READY).power is Power.OFF
    check(world)
    delete(world, made)


@pytest.mark.parametrize("fault", [None, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.LATE, Fault.THROTTLED])
@pytest.mark.parametrize("seconds", [0, 1, 2, 4, 8, 15, 22, 30, 61, 130])
def test_delete_at_any_moment_of_provisioning_leaves_nothing(world, seconds, fault):
    if fault is not None:
        world.boxes.plan("create", fault)
    made = world.create()
    if seconds:
        world.settle()
        world.pass_time(seconds)
    delete(world, made)


@pytest.mark.parametrize("late", [5, 60, 240])
def test_deleted_resource_keeps_its_quota_until_nothing_can_appear(world, late):
    world.boxes.late_seconds = late
    world.boxes.plan("create", Fault.LATE)
    made = world.create()
    world.settle()
    delete(world, made)
    assert len(world.boxes.boxes()) == 1


def test_failed_resource_changed_while_its_thing_may_come_keeps_its_quota(world):
    world.boxes.plan("create", Fault.LATE, Fault.REFUSED)
    made = world.create()
    world.until(made, State.FAILED)
    world.change(made, power=Power.ON)
    world.pass_time(20)
    assert world.platform.quotas.used(made.tenant, [QUOTA]) == {QUOTA: 1}
    world.pass_time(120)
    assert (len(world.boxes.there()), world.platform.quotas.used(made.tenant, [QUOTA])) == (1, {QUOTA: 1})


def test_delete_before_any_request_never_asks_the_provider(world):
    made = world.create()
    world.delete(made)
    world.until(made, State.GONE)
    assert world.boxes.calls == []


def test_thing_that_appears_long_after_its_row_was_removed_is_removed_too(world):
    world.boxes.late_seconds = 1000
    world.boxes.plan("create", Fault.LATE)
    made = world.create()
    world.settle()
    world.delete(made)
    world.until(made, State.GONE)
    assert world.boxes.there() == []
    world.pass_time(1000, step=20)
    assert len(world.boxes.there()) == 1
    world.pass_time(1500, step=20)
    assert (world.boxes.there(), world.used()) == ([], 0)


def test_thing_that_becomes_ready_after_its_deadline_is_ready_after_all(world):
    made = world.create()
    world.settle()
    world.boxes.hang("box-0001")
    failed = world.until(made, State.FAILED)
    assert (failed.is_released, world.used()) == (False, 1)
    assert failed.reason.startswith("It was not ready within 15 minutes")
    world.boxes.become("box-0001", Seen.READY)
    assert world.until(made, State.READY).reason == ""
    check(world)


@pytest.mark.parametrize("times", [1, 2])
def test_message_delivered_twice_makes_one_thing(world, times):
    made = world.create()
    for _ in range(times):
        world.settle(twice=True)
    world.until(made, State.READY)
    assert len([call for call, _ in world.boxes.calls if call == "create"]) == 1
    check(world)


def test_two_workers_at_once_make_one_request(world):
    made = world.create()
    world.relay_only()
    world.boxes.seconds_per_call = 3
    world.driver.latency(0.2)
    event = {"Records": [sqs_record({"kind": "box", "resources": [[made.tenant, made.id]], "hop": 0})]}
    world.clock.run_together([lambda: world.call(handler_of("provision"), event, LambdaContext(60))] * 4)
    assert [call for call, _ in world.boxes.calls] == ["create"]


def test_delete_while_the_provider_is_asked_leaves_nothing(world):
    made = world.create()
    world.relay_only()
    world.boxes.seconds_per_call = 3
    world.driver.latency(0.2)
    event = {"Records": [sqs_record({"kind": "box", "resources": [[made.tenant, made.id]], "hop": 0})]}

    def delete_soon():
        world.clock.sleep(1)
        world.delete(made)
        world.call(handler_of("provision"), event, LambdaContext(60))

    world.clock.run_together([lambda: world.call(handler_of("provision"), event, LambdaContext(60)), delete_soon])
    assert [call for call, _ in world.boxes.calls] == ["create"]
    world.boxes.seconds_per_call = 0
    world.driver.latency(0)
    assert world.box(made).external == {"id": "box-0001"}
    world.until(made, State.GONE)
    world.pass_time(60)
    check(world)
    assert world.boxes.there() == []


@pytest.mark.parametrize("point", POINTS)
def test_claim_is_free_as_soon_as_its_holder_is_gone(world, point):
    made = world.create(claims=("name/a",))
    world.settle(crash_after=point)
    world.until(made, State.READY)
    check(world)
    world.delete(made)
    world.settle(crash_after=point)
    assert world.claims() == [(made.tenant, "name/a", made.id)]
    world.until(made, State.GONE)
    assert world.claims() == []
    assert world.create(claims=("name/a",)).state is State.PENDING


def test_lost_messages_are_made_up_for_by_the_sweep(world):
    made = world.create()
    world.relay_only()
    world.lose_messages()
    assert world.until(made, State.READY, seconds=300).state is State.READY
    assert world.platform.quotas.used(made.tenant, [QUOTA]) == {QUOTA: 1}
