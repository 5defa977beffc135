"""Rollouts to a thousand nodes, through the deployed workers: pauses, stops, crashes, repeats and lost messages in a
random order, which a seed decides."""

from random import Random

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.rollout import RolloutLimits, RolloutState
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.reach import EVERYWHERE
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World

NODES, FEWER = 1000, 200
AT_ONCE, ERRORS = 50, 10
MOVES = 150


def fleet_of(count):
    world = World()
    a_cluster(world, "north")
    machines(world, count)
    world.settle()
    return world


@pytest.fixture(scope="module")
def world():
    return fleet_of(NODES)


class Played:
    """A rollout, and the moves that the seed chooses. The limits are looked at after each move."""

    def __init__(self, world, seed, exit_codes, **limits):
        self.world = world
        self.rng = Random(seed)
        self.exit_codes = exit_codes
        self.limits = RolloutLimits(max_concurrency=AT_ONCE, **limits)
        self.command = a_command(world, rollout=self.limits)

    @property
    def rows(self):
        return [row for row in self.world.driver.rows(EXECUTIONS) if row["command_id"] == self.command.id]

    @property
    def open(self):
        return [row for row in self.rows if row["status"] in {"pending", "sent"}]

    @property
    def progress(self):
        return self.world.fleet.commands.registry.get_with_progress(self.command.id, reach=EVERYWHERE)[1]

    def end_some(self):
        rows = self.open
        for row in self.rng.sample(rows, min(len(rows), self.rng.randint(1, 20))):
            report = Report(is_expired=False, exit_code=self.rng.choice(self.exit_codes))
            self.world.fleet.commands.executions.report(str(row["node_id"]), str(row["id"]), report)

    def work(self):
        self.world.settle(twice=self.rng.random() < 0.3)

    def crash(self):
        self.world.settle(crash_after=self.rng.randint(1, 6))

    def overtake(self):
        """Another worker makes a step just before one writes its own."""
        step = self.world.fleet.commands.waves.step
        self.world.driver.before_next(
            lambda: step(self.command.id, None, lambda _: None), operation="TransactWriteItems", table=EXECUTIONS
        )
        self.world.settle()

    def lose_messages(self):
        self.world.relay_only()
        self.world.queue_client.take(EXECUTION_CREATION)

    def sweep(self):
        self.world.clock.advance(61)
        self.world.sweep("sweep_commands")

    def pause(self):
        self._steer("pause")

    def resume(self):
        self._steer("resume")

    def stop(self):
        self._steer("stop")

    def _steer(self, name):
        getattr(self.world.fleet.commands.steering, name)(self.command.id, reach=EVERYWHERE)

    def play(self, moves):
        for _ in range(MOVES):
            self.rng.choice(moves)()
            self.check()

    def to_end(self):
        """Nothing is paused, and nothing disturbs any more."""
        self.resume()
        while self.progress.state != "finished":
            while self.open:
                self.end_some()
            self.sweep()
            self.world.settle()
            self.check()
        return self.progress

    def check(self):
        rows = self.rows
        assert sum(row["status"] in {"pending", "sent"} for row in rows) <= AT_ONCE
        assert len({row["node_id"] for row in rows}) == len(rows)
        if self.limits.max_errors is not None and set(self.exit_codes) == {1}:
            assert len(rows) <= AT_ONCE + self.limits.max_errors


def once_and_slowly(first, end):
    """These seeds. Slow, but for the first: each is a repeat of one proof in another order."""
    return [first, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(first + 1, end))]


@pytest.mark.parametrize("seed", once_and_slowly(1, 4))
def test_rollout_to_1000_failing_nodes_hands_out_60_at_most_in_every_order(world, seed):
    played = Played(world, seed, exit_codes=(1,), max_errors=ERRORS)
    played.play(
        [
            *(played.end_some, played.work, played.crash, played.overtake, played.lose_messages, played.sweep),
            *(played.pause, played.resume),
        ]
    )
    ended = played.to_end()
    assert (ended.rollout.state, ended.rollout.reason) == (RolloutState.STOPPED, "too_many_errors")
    assert len(played.rows) <= AT_ONCE + ERRORS
    assert (ended.state, ended.summary.open, ended.summary.total) == ("finished", 0, NODES)
    assert ended.summary.failed + ended.summary.skipped == NODES


@pytest.mark.parametrize("seed", once_and_slowly(4, 7))
def test_rollout_that_is_stopped_at_any_time_makes_nothing_more(seed):
    played = Played(fleet_of(FEWER), seed, exit_codes=(0, 1))
    moves = [played.end_some, played.work, played.crash, played.overtake, played.lose_messages, played.pause]
    played.work()
    for _ in range(played.rng.randint(5, 60)):
        played.rng.choice(moves)()
        played.check()
    played.stop()
    made = len(played.rows)
    played.play([*moves, played.resume, played.stop])
    ended = played.to_end()
    assert (ended.rollout.state, ended.rollout.reason, len(played.rows)) == (RolloutState.STOPPED, "stopped", made)
    assert (ended.state, ended.summary.total, ended.summary.skipped) == ("finished", FEWER, FEWER - made)


@pytest.mark.parametrize("seed", once_and_slowly(7, 9))
def test_rollout_reaches_every_node_once_in_spite_of_crashes_and_pauses(seed):
    played = Played(fleet_of(FEWER), seed, exit_codes=(0,))
    moves = [played.end_some, played.work, played.crash, played.overtake, played.lose_messages]
    played.play([*moves, played.pause, played.resume])
    ended = played.to_end()
    assert (ended.rollout.state, ended.state) == (RolloutState.FINISHED, "finished")
    assert (ended.summary.succeeded, len(played.rows)) == (FEWER, FEWER)
