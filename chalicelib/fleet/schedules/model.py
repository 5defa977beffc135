"""The models of schedules and of their runs, and the inputs of the use cases."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.scripts.model import ScriptCall
from chalicelib.fleet.targeting.model import Targeting


class State(StrEnum):
    """``finished``: its only time has come."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"


class Result(StrEnum):
    """The outcome of a time of a schedule. ``missed``: nothing ran, since the installation was late."""

    CREATED = "created"
    REFUSED = "refused"
    MISSED = "missed"


class Timing(BaseModel, frozen=True):
    """When a schedule runs: ``once_at`` (seconds text), or at the times of ``cron`` on the clocks of ``timezone``."""

    once_at: str | None = None
    cron: str | None = None
    timezone: str = "UTC"


class ScheduledCommand(BaseModel, frozen=True):
    """The command that is given, as `commands.model.NewCommand`: either ``command_text``, or what ``script`` is by
    then. ``timeout`` is in milliseconds."""

    command_text: str | None = None
    script: ScriptCall | None = None
    targeting: Targeting
    timeout: int | None = None
    allow_missing: bool = False
    rollout: RolloutLimits | None = None


@dataclass(frozen=True)
class Definition:
    """All that callers decide about a schedule. ``run_within_seconds``: how long after its time a machine that was off
    may run the command; None skips machines that are off."""

    name: str
    command: ScheduledCommand
    timing: Timing
    run_within_seconds: int | None


class Schedule(BaseModel, frozen=True):
    """``owner`` is the actor of the principal with whose reach and permissions it runs, ``within`` the ids of the
    clusters that this one reached when it last decided about the schedule; None: all. ``next_at`` is the next time,
    None for none; ``due_at`` is when a sweep looks at it, and moves while it is worked on. ``reason`` says why it is
    paused, unless its users paused it. Times are UTC seconds text.
    """

    id: str
    name: str
    command: ScheduledCommand
    timing: Timing
    run_within_seconds: int | None = None
    state: State
    reason: str | None = None
    owner: str
    owner_name: str
    within: tuple[str, ...] | None = None
    next_at: str | None = None
    due_at: str | None = None
    sweeps: int = 0
    inserted_at: str
    updated_at: str
    version: int = 0

    @property
    def definition(self) -> Definition:
        return Definition(self.name, self.command, self.timing, self.run_within_seconds)

    def is_within(self, reach: Reach) -> bool:
        """Whether all that it may run on is within this reach."""
        return is_within(self.within, reach)


def is_within(cluster_ids: tuple[str, ...] | None, reach: Reach) -> bool:
    """Whether these clusters (None: all) are within reach. A schedule of an owner that reaches none is within no
    restricted reach."""
    return reach.is_everywhere or bool(cluster_ids and reach.covers(cluster_ids))


class Run(BaseModel, frozen=True):
    """One time of a schedule, or several that were missed in a row, from ``planned_at`` to ``until``. ``reason`` says
    why it is not ``created``. ``id`` is a UUIDv7 of schedule and time."""

    id: str
    schedule_id: str
    planned_at: str
    until: str | None = None
    count: int = 1
    result: Result
    command_id: str | None = None
    reason: str | None = None
    inserted_at: str
