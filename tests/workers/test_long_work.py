"""Work that takes more than one invocation ends, with no chain of messages long enough to be stopped, no
function killed, and nothing given up. Timeouts are a quarter of the real ones, or less, so that small sizes take
several invocations; `make scale` runs the whole sizes."""

import pytest

from chalicelib.commands.model import Status
from chalicelib.commands.store import EXECUTIONS
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS, Queue
from chalicelib.webhooks.attempts import retry_seconds
from infra.functions import MAX_RECEIVES, consumer_of
from tests.scale.rows import a_whole_command
from tests.scale.scenarios import SCENARIOS
from tests.timed_world import MOST_HOPS, TimedWorld

SEVERAL = {
    "cancel": (1_200, 0.125),
    "deadline": (1_200, 0.125),
    "delete": (1_200, 0.125),
    "prune": (2_600, 0.125),
    "redeliver": (700, 0.125),
    "self-update": (2_200, 0.25),
}
"""Scenario -> rows and share of the timeouts, so that one invocation cannot do it."""


@pytest.mark.parametrize("name", SEVERAL)
def test_all_of_it_is_done_by_several_invocations(name):
    count, timeouts = SEVERAL[name]
    outcome = SCENARIOS[name](count, timeouts)
    seen = outcome.seen
    assert outcome.done == count
    assert (seen.killed, seen.stopped, seen.dead, seen.failed) == ({}, {}, {}, {})
    assert seen.parked > 0
    assert max(seen.hops.values()) <= MOST_HOPS / 4


def test_a_command_for_a_fleet_reaches_all_of_it_by_several_invocations():
    """One part, of which an invocation of a twentieth of the time creates some eight thousand."""
    outcome = SCENARIOS["cluster"](9_000, 0.05)
    assert (outcome.done, outcome.seen.parked) == (9_000, 1)
    assert (outcome.seen.killed, outcome.seen.stopped, outcome.seen.dead) == ({}, {}, {})


def test_a_lost_continuation_is_resumed_by_a_sweep_where_the_pass_stopped():
    world = TimedWorld(timeouts=0.25)
    made = a_whole_command(world, 2_200, Status.PENDING)
    world.lose_changes_of("fan_out.parked")
    world.services.commands.cancel(made.id)
    world.run(60, lambda: world.seen.parked == 1)
    cancelled = world.driver.tally(EXECUTIONS, "status")["cancelled"]
    assert 0 < cancelled < 2_200
    before = world.seen.calls["UpdateItem"]
    world.run(600, lambda: world.driver.tally(EXECUTIONS, "status") == {"cancelled": 2_200})
    assert world.driver.tally(EXECUTIONS, "status") == {"cancelled": 2_200}
    # Each execution once, its counters aside: nothing that was cancelled is looked at again.
    assert world.seen.calls["UpdateItem"] - before < 1.1 * (2_200 - cancelled) + 100


class TestTheWorld:
    """What the world does to those who do not keep to the rules: else its silence would mean nothing."""

    def test_a_function_that_works_on_is_killed_and_its_message_given_up(self):
        world = TimedWorld()
        world.services.clean_up.cancel_chunk = lambda _command_id, _cursor: world.clock.sleep(61)
        world.services.queues.send(Queue.CLEAN_UP, [{"kind": "cancel_command", "id": "x"}])
        world.run(2_400)
        assert world.seen.killed == {"clean_up": MAX_RECEIVES}
        assert world.seen.dead == {"clean-up": 1}

    def test_a_message_that_leads_to_itself_is_stopped_after_sixteen(self, monkeypatch):
        world = TimedWorld()

        def again(_command_id, _cursor):
            world.services.queues.send(Queue.CLEAN_UP, [{"kind": "cancel_command", "id": "x"}])

        monkeypatch.setattr(world.services.clean_up, "cancel_chunk", again)
        world.services.queues.send(Queue.CLEAN_UP, [{"kind": "cancel_command", "id": "x"}])
        world.run(2_400)
        assert world.seen.hops["clean_up"] == MOST_HOPS
        assert world.seen.dead == {"clean-up": 1}

    def test_no_more_copies_run_than_the_function_may_have(self):
        world = TimedWorld()
        world.services.queues.send(Queue.CLEAN_UP, [{"kind": "connection", "id": str(place)} for place in range(200)])
        most = 0

        def look():
            nonlocal most
            most = max(most, world.copies(Queue.CLEAN_UP))
            return False

        world.run(5, look)
        consumer = consumer_of(Queue.CLEAN_UP)
        assert consumer is not None
        assert most <= consumer.source.concurrency


@pytest.mark.parametrize("first_seconds", [1, 2, 15, 60, 899, 3600])
def test_attempts_that_queue_the_next_one_are_a_short_chain(first_seconds):
    """A receiver that fails for ever: longer pauses than SQS takes are left to the sweep."""
    queued = 0
    while retry_seconds(queued + 1, None, 0.0, first_seconds) <= LONGEST_DELAY_SECONDS and queued < 100:
        queued += 1
    assert queued <= MOST_HOPS / 2
