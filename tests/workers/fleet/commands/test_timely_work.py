"""Work that somebody waits for is done while clean-ups of minutes are in the way."""

from types import SimpleNamespace

import pytest

from chalicelib.fleet.commands.model import Status
from chalicelib.fleet.commands.queues import TIMELY_WORK
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.background.queues import CLEAN_UP
from infra.functions import consumer_of
from infra.grants import GRANTS
from tests.application.fleet.schedules.scene import a_schedule
from tests.scale.rows import a_whole_command
from tests.support.declared import WORKERS
from tests.support.timed_world import TimedWorld
from tests.support.world import sqs_record

COUNT = 120
HALF_AN_HOUR = 1800


def keep_clean_ups_busy(world):
    """For an hour from now on, all copies of their function are at work, and many messages wait."""
    world.fleet.transport.direct.close = lambda _connection_id: world.clock.sleep(50)
    messages = [{"kind": "connection", "id": str(place)} for place in range(720)]
    world.platform.queues.send(CLEAN_UP, messages)
    world.run(60)
    consumer = consumer_of(CLEAN_UP)
    assert consumer is not None
    assert world.copies(CLEAN_UP) == consumer.source.concurrency


def are(world, status):
    return world.driver.tally(EXECUTIONS, "status") == {status: COUNT}


def not_granted(world):
    """What the function did that its role does not allow."""
    granted = GRANTS["do_timely_work"].tables
    touched = {(action, place) for name, action, place in world.seen.touched if name == "do_timely_work"}
    return {(action, place) for action, place in touched if action not in granted.get(place, ())}


def test_cancellation_passes_clean_ups_that_wait():
    world = TimedWorld()
    made = a_whole_command(world, COUNT, Status.PENDING)
    keep_clean_ups_busy(world)
    world.fleet.commands.registry.cancel(made.id, reach=EVERYWHERE)
    assert world.run(600, lambda: are(world, "cancelled")) < 10
    assert not_granted(world) == set()


def test_cancellation_of_a_part_passes_clean_ups_that_wait():
    world = TimedWorld()
    made = a_whole_command(world, COUNT, Status.PENDING)
    row = world.driver.rows(EXECUTIONS)[0]
    part = SimpleNamespace(id=row["node_cluster_id"], name=row["node_cluster_name"])
    keep_clean_ups_busy(world)
    world.fleet.commands.cancelling.ask(made.id, [part])
    assert world.run(600, lambda: are(world, "cancelled")) < 10
    world.run(1200, lambda: world.driver.rows(TASKS) == [])
    assert world.driver.rows(TASKS) == []
    assert not_granted(world) == set()


def test_deadline_and_schedule_pass_clean_ups_that_wait():
    world = TimedWorld(command_default_deadline=HALF_AN_HOUR)
    a_whole_command(world, COUNT, Status.PENDING)
    a_schedule(world)
    world.run(HALF_AN_HOUR - 120)
    keep_clean_ups_busy(world)
    assert world.run(600, lambda: are(world, "expired")) < 240
    world.run(3600, lambda: len(world.driver.rows(COMMANDS)) == 2)
    assert len(world.driver.rows(COMMANDS)) == 2
    assert world.copies(CLEAN_UP) > 0
    assert not_granted(world) == set()


@pytest.mark.parametrize("queue", [CLEAN_UP, TIMELY_WORK])
def test_message_of_an_earlier_release_is_understood_in_either_queue(queue):
    """One that waits while a release is deployed, or rolled back."""
    world = TimedWorld()
    made = a_whole_command(world, COUNT, Status.PENDING)
    world.lose_changes_of("fan_out.cancel_requested")
    world.fleet.commands.registry.cancel(made.id, reach=EVERYWHERE)
    answer = world.call(WORKERS[queue], {"Records": [sqs_record({"kind": "cancel_command", "id": made.id})]})
    assert answer == {"batchItemFailures": []}
    world.run(60, lambda: are(world, "cancelled"))
    assert are(world, "cancelled")
