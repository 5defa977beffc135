"""Work that takes more than one invocation ends, with no chain of messages long enough to be stopped, no
function killed, and nothing given up. Timeouts are a quarter of the real ones, or less, so that small sizes take
several invocations; `make scale` runs the whole sizes."""

import pytest

from chalicelib.fleet.commands.model import Status
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, SHARDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS
from chalicelib.kit.redrive import SETTLE_SOON
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.webhooks.attempts import retry_seconds
from infra.functions import MAX_RECEIVES, consumer_of
from infra.grants import GRANTS
from tests.application.fleet.commands import fleet
from tests.scale.rows import a_whole_command
from tests.scale.scenarios import SCENARIOS
from tests.support.declared import WORKERS
from tests.support.timed_world import MOST_HOPS, SEND, TimedWorld
from tests.support.world import World, sqs_record

WORKER = WORKERS[CLEAN_UP]

SEVERAL = {
    "cancel": (1_200, 0.125),
    "deadline": (1_200, 0.125),
    "delete": (1_200, 0.125),
    "prune": (2_600, 0.125),
    "redeliver": (700, 0.125),
    "self-update": (2_200, 0.25),
}
"""Scenario -> rows and share of the timeouts, so that one invocation cannot do it."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in {"cancel", "deadline", "prune", "redeliver"} else name
        for name in SEVERAL
    ],
)
def test_long_work_is_completed_by_several_invocations(name):
    count, timeouts = SEVERAL[name]
    outcome = SCENARIOS[name](count, timeouts)
    seen = outcome.seen
    assert (outcome.done, outcome.is_at_rest) == (count, True)
    assert (seen.killed, seen.stopped, seen.dead, seen.failed) == ({}, {}, {}, {})
    assert seen.parked > 0
    assert not_granted(seen) == set()
    assert max(seen.hops.values()) <= MOST_HOPS / 4


def not_granted(seen):
    """What functions did that their roles do not allow."""
    allowed = {
        (name, action, place)
        for name, grants in GRANTS.items()
        for place, actions in (*grants.tables.items(), *((queue, {SEND}) for queue in grants.sends))
        for action in actions
    }
    return seen.touched - allowed


@pytest.mark.slow
def test_large_fan_out_is_completed_by_two_invocations():
    """One part, of which an invocation of a twentieth of the time creates some eight thousand."""
    outcome = SCENARIOS["cluster"](9_000, 0.05)
    assert (outcome.done, outcome.seen.parked) == (9_000, 1)
    assert (outcome.seen.killed, outcome.seen.stopped, outcome.seen.dead) == ({}, {}, {})
    assert not_granted(outcome.seen) == set()


def test_lost_continuation_is_resumed_by_a_sweep_at_its_cursor():
    world = TimedWorld(timeouts=0.25)
    made = a_whole_command(world, 2_200, Status.PENDING)
    world.lose_changes_of("fan_out.parked")
    world.fleet.commands.registry.cancel(made.id, reach=EVERYWHERE)
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

    def test_timed_world_kills_an_overlong_function_and_drops_its_message(self):
        world = TimedWorld()
        world.fleet.commands.clean_up.cancel_chunk = lambda _command_id, _cursor: world.clock.sleep(61)
        world.platform.queues.send(CLEAN_UP, [{"kind": "cancel_command", "id": "x"}])
        world.run(2_400)
        assert world.seen.killed == {"clean_up": MAX_RECEIVES}
        assert world.seen.dead == {"clean-up": 1}

    def test_timed_world_stops_a_message_loop_after_sixteen_hops(self, monkeypatch):
        world = TimedWorld()

        def again(_command_id, _cursor):
            world.platform.queues.send(CLEAN_UP, [{"kind": "cancel_command", "id": "x"}])

        monkeypatch.setattr(world.fleet.commands.clean_up, "cancel_chunk", again)
        world.platform.queues.send(CLEAN_UP, [{"kind": "cancel_command", "id": "x"}])
        world.run(2_400)
        assert world.seen.hops["clean_up"] == MOST_HOPS
        assert world.seen.dead == {"clean-up": 1}

    def test_timed_world_respects_the_functions_concurrency(self):
        world = TimedWorld()
        world.platform.queues.send(CLEAN_UP, [{"kind": "connection", "id": str(place)} for place in range(200)])
        most = 0

        def look():
            nonlocal most
            most = max(most, world.copies(CLEAN_UP))
            return False

        world.run(5, look)
        consumer = consumer_of(CLEAN_UP)
        assert consumer is not None
        assert most <= consumer.source.concurrency


@pytest.mark.parametrize("first_seconds", [1, 2, 15, 60, 899, 3600])
def test_delayed_retries_form_a_chain_below_the_hop_limit(first_seconds):
    """A receiver that fails for ever: longer pauses than SQS takes are left to the sweep."""
    queued = 0
    while retry_seconds(queued + 1, None, 0.0, first_seconds) <= LONGEST_DELAY_SECONDS and queued < 100:
        queued += 1
    assert queued <= MOST_HOPS / 2


class TestShares:
    """What is left of a long pass over a command's executions when an invocation ends goes on shard by shard."""

    @pytest.fixture
    def world(self):
        world = World(command_default_deadline=0)
        fleet.nodes(world, 450)
        self.made = fleet.command(world)
        world.settle()
        world.seconds_left = 0
        return world

    def row(self, world):
        return world.driver.row(FAN_OUTS, {"command_id": self.made.id}) or {}

    def begin(self, world):
        """A cancellation whose first invocation does one chunk."""
        world.fleet.commands.registry.cancel(self.made.id, reach=EVERYWHERE)
        world.call(WORKER, {"Records": [sqs_record({"kind": "cancel_command", "id": self.made.id})]})

    def statuses(self, world):
        return {row["status"] for row in world.driver.rows(EXECUTIONS)}

    def test_divided_pass_has_a_cursor_per_shard(self, world):
        self.begin(world)
        assert set(self.row(world)["cursors"]) == {f"cancel_command#{shard}" for shard in range(SHARDS)}

    def test_divided_pass_ends_with_its_last_shard(self, world):
        self.begin(world)
        world.settle(twice=True)
        assert self.statuses(world) == {"cancelled"}
        assert "cursors" not in self.row(world)
        assert self.row(world)["due_at"] == to_seconds_text(world.clock.now() + SETTLE_SOON)

    def test_sweep_resumes_remaining_shards_of_a_pass(self, world):
        self.begin(world)
        (kept,) = list(world.relay_batches())[-1:]
        assert kept  # and lost: nobody reads it
        for seconds in (120, 60, 900):
            world.clock.advance(seconds)
            world.sweep("sweep_commands")
            world.settle()
        assert self.statuses(world) == {"cancelled"}
        assert {"cursors", "cancel_requested_at"}.isdisjoint(self.row(world))

    def test_repeated_message_after_the_division_changes_nothing(self, world):
        self.begin(world)
        before = self.row(world)
        world.call(WORKER, {"Records": [sqs_record({"kind": "cancel_command", "id": self.made.id})]})
        assert self.row(world) == before

    @pytest.mark.parametrize(
        "crash_after", [1, 230, *(pytest.param(n, marks=pytest.mark.slow) for n in (50, 120, 340, 449, 451, 455))]
    )
    def test_divided_pass_with_a_crash_after_any_write_completes(self, world, crash_after):
        world.fleet.commands.registry.cancel(self.made.id, reach=EVERYWHERE)
        world.settle(twice=True, crash_after=crash_after)
        for seconds in (120, 60, 900):
            world.clock.advance(seconds)
            world.sweep("sweep_commands")
            world.settle()
        assert self.statuses(world) == {"cancelled"}
        assert {"cursors", "cancel_requested_at"}.isdisjoint(self.row(world))
