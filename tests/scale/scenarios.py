"""Work that takes more than one invocation, from its beginning to its end, in a world whose time passes."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.fleet.commands.model import NewCommand, Status
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.webhooks.store import DELIVERIES
from tests.scale.resources import LookingWorld, looked_at, resources_at_rest
from tests.scale.rows import a_failed_log, a_fleet, a_whole_command
from tests.support.timed_world import SWEEP_SECONDS, Seen, TimedWorld

HOURS = 3600.0


@dataclass(frozen=True)
class Outcome:
    """``seconds`` of the world until the work was done (``done`` rows of it), whether and when all that follows from it
    was at rest, with nothing due in any row, and what happened until then."""

    seconds: float
    done: int
    at_rest_after: float
    is_at_rest: bool
    seen: Seen


Scenario = Callable[[int, float], Outcome]
"""(rows, timeouts' share) -> what came of it."""


def a_command_for_a_fleet(count: int, timeouts: float) -> Outcome:
    """A command for every node of one cluster, which are all its fleet."""
    world = TimedWorld(timeouts=timeouts)
    a_fleet(world, count)
    world.fleet.commands.registry.create(NewCommand("true", Targeting(type=TargetType.ALL)), reach=EVERYWHERE)
    return _outcome(world, lambda: _statuses(world).total() == count, lambda: _statuses(world).total())


def a_command_for_a_cluster(count: int, timeouts: float) -> Outcome:
    """The same as one part, which one worker at a time creates."""
    world = TimedWorld(timeouts=timeouts)
    name = a_fleet(world, count).name
    targeting = Targeting(type=TargetType.CLUSTERS, cluster_names=(name,))
    world.fleet.commands.registry.create(NewCommand("true", targeting), reach=EVERYWHERE)
    return _outcome(world, lambda: _statuses(world).total() == count, lambda: _statuses(world).total())


def a_cancellation(count: int, timeouts: float) -> Outcome:
    """Of a command whose executions wait for their agents."""
    world = TimedWorld(timeouts=timeouts)
    made = a_whole_command(world, count, Status.PENDING)
    world.fleet.commands.registry.cancel(made.id, reach=EVERYWHERE)
    return _outcome(world, lambda: _statuses(world) == {"cancelled": count}, lambda: _statuses(world)["cancelled"])


def a_deadline(count: int, timeouts: float) -> Outcome:
    """Of a command whose executions wait for their agents."""
    world = TimedWorld(timeouts=timeouts, command_default_deadline=1800)
    a_whole_command(world, count, Status.PENDING)
    world.run(HOURS, lambda: _statuses(world)["expired"] > 0)
    return _outcome(world, lambda: _statuses(world) == {"expired": count}, lambda: _statuses(world)["expired"])


def a_deletion(count: int, timeouts: float) -> Outcome:
    """Of a command whose executions have ended."""
    world = TimedWorld(timeouts=timeouts)
    made = a_whole_command(world, count, Status.COMPLETED)
    world.fleet.commands.registry.delete(made.id, reach=EVERYWHERE)
    return _outcome(world, lambda: not _statuses(world), lambda: count - _statuses(world).total())


def a_pruning(count: int, timeouts: float) -> Outcome:
    """One daily run over executions that are all too old."""
    world = TimedWorld(timeouts=timeouts, execution_pruning_enabled=True, execution_retention_days=30)
    a_whole_command(world, count, Status.COMPLETED)
    world.clock.advance(timedelta(days=31).total_seconds())
    world.tick("prune_executions")
    return _outcome(world, lambda: not _statuses(world), lambda: count - _statuses(world).total())


def a_redelivery(count: int, timeouts: float) -> Outcome:
    """Of all deliveries of a webhook, which had failed."""
    world = TimedWorld(timeouts=timeouts)
    webhook = a_failed_log(world, count)
    world.platform.webhooks.deliveries.redeliver_since(webhook.id, world.clock.now() - timedelta(days=1))

    def succeeded() -> int:
        return world.driver.tally(DELIVERIES, "status")["succeeded"]

    return _outcome(world, lambda: succeeded() == count, succeeded)


def an_update(count: int, timeouts: float) -> Outcome:
    """A self-update request for a fleet that hears of it only at the deadline: all have failed then."""
    world = TimedWorld(timeouts=timeouts, self_update_deadline_seconds=600)
    a_fleet(world, count, self_update_enabled=True)
    world.fleet.updates.requests.create(Targeting(type=TargetType.ALL), reach=EVERYWHERE)

    def failed() -> int:
        return world.driver.tally(NODE_UPDATES, "state")["failed"]

    def is_completed() -> bool:
        return world.driver.tally(REQUESTS, "status") == {"completed": 1}

    return _outcome(world, is_completed, failed)


def a_look_at_resources(count: int, timeouts: float) -> Outcome:
    """Resources of a thousand times fewer tenants at rest: each is looked at once an hour."""
    world = LookingWorld(timeouts=timeouts)
    ec2 = resources_at_rest(world, count)
    world.seen.calls.clear()
    seconds = world.run(HOURS + 2 * SWEEP_SECONDS)
    world.seen.calls.update(f"EC2 {operation}" for operation, _ in ec2.calls)
    return Outcome(seconds, looked_at(world), seconds, looked_at(world) == count, world.seen)


SCENARIOS: Mapping[str, Scenario] = {
    "command": a_command_for_a_fleet,
    "cluster": a_command_for_a_cluster,
    "cancel": a_cancellation,
    "deadline": a_deadline,
    "delete": a_deletion,
    "prune": a_pruning,
    "redeliver": a_redelivery,
    "self-update": an_update,
    "resources": a_look_at_resources,
}


def _outcome(world: TimedWorld, is_done: Callable[[], bool], done: Callable[[], int]) -> Outcome:
    seconds = world.run(6 * HOURS, is_done)
    ended = done()
    after = world.run(2 * HOURS, lambda: world.is_quiet and _is_at_rest(world))
    return Outcome(seconds, ended, seconds + after, _is_at_rest(world), world.seen)


def _is_at_rest(world: TimedWorld) -> bool:
    return not any(world.driver.tally(table, "due").keys() - {None} for table in (TASKS, FAN_OUTS, REQUESTS))


def _statuses(world: TimedWorld) -> Counter[str]:
    return world.driver.tally(EXECUTIONS, "status")
