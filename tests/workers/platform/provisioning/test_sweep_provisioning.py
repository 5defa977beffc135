"""What is due is looked at: by the sweep, in batches, and with messages that make no endless chain."""

import pytest

from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.queues import PROVISIONING
from chalicelib.platform.provisioning.working import MOST_HOPS
from tests.support.declared import handler_of
from tests.support.provisioning import BoxWorld
from tests.support.world import LambdaContext, sqs_record


@pytest.fixture
def world():
    return BoxWorld()


def calls_of(world, name):
    return [ids for call, ids in world.boxes.calls if call == name]


def test_things_at_rest_are_observed_by_the_hundred_once_an_hour(world):
    made = [world.create(str(number)) for number in range(230)]
    world.settle()
    world.pass_time(120, step=5)
    assert {world.box(each).state for each in made} == {State.READY}
    world.boxes.calls.clear()
    world.clock.advance(3800)
    world.sweep("sweep_provisioning")
    world.settle()
    looks = calls_of(world, "observe")
    assert (sum(map(len, looks)), max(map(len, looks)) <= 100, len(looks) <= 4) == (230, True, True)
    world.sweep("sweep_provisioning")
    world.settle()
    assert calls_of(world, "observe") == looks


def test_messages_of_one_batch_are_observed_in_one_call(world):
    made = [world.create(str(number)) for number in range(10)]
    world.settle()
    world.clock.advance(30)
    world.lose_messages()
    world.boxes.calls.clear()
    records = [
        sqs_record({"kind": "box", "resources": [[each.tenant, each.id]], "hop": 0}, f"m-{index}")
        for index, each in enumerate(made)
    ]
    answer = world.call(handler_of("provision"), {"Records": records})
    assert answer == {"batchItemFailures": []}
    assert [len(ids) for ids in calls_of(world, "observe")] == [10]


def test_chain_of_messages_of_the_worker_ends_and_the_sweep_goes_on(world):
    made = world.create()
    world.settle()
    world.boxes.hang("box-0001")
    hops = []
    for _ in range(40):
        world.clock.advance(61)
        world.queue_client.release_due()
        hops += [body["hop"] for body in world.queue_client.bodies(PROVISIONING)]
        world.settle()
        if not world.queue_client.delayed.get(PROVISIONING):
            break
    assert max(hops) == MOST_HOPS
    world.clock.advance(120)
    world.sweep("sweep_provisioning")
    assert [body["hop"] for body in world.queue_client.bodies(PROVISIONING)] == [0]
    assert world.until(made, State.FAILED).state is State.FAILED


def test_sweep_does_not_send_what_has_a_message_on_its_way(world):
    world.create()
    world.settle()
    world.clock.advance(3)
    world.sweep("sweep_provisioning")
    assert world.queue_client.bodies(PROVISIONING) == []


def test_worker_whose_time_is_over_leaves_the_rest_to_the_sweep(world):
    made = [world.create(str(number)) for number in range(5)]
    world.relay_only()
    bodies = world.queue_client.take(PROVISIONING)
    world.call(
        handler_of("provision"),
        {"Records": [sqs_record(body, f"m-{index}") for index, body in enumerate(bodies)]},
        LambdaContext(0),
    )
    assert sorted(world.box(each).state for each in made) == [State.CREATING, *[State.PENDING] * 4]
    world.pass_time(200, step=5)
    assert {world.box(each).state for each in made} == {State.READY}


def test_message_for_a_resource_that_is_gone_is_done(world):
    body = {"kind": "box", "resources": [["nobody", "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"]], "hop": 3}
    answer = world.call(handler_of("provision"), {"Records": [sqs_record(body)]})
    assert (answer, world.boxes.calls) == ({"batchItemFailures": []}, [])
