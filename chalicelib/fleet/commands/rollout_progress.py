"""How far a command with a rollout is."""

from dataclasses import replace

from chalicelib.fleet.commands.model import CommandState, CommandSummary, Progress
from chalicelib.fleet.commands.rollout import ROLLOUT, Rollout, RolloutState, shown
from chalicelib.fleet.commands.undone import FanOut


def progress_of(fan_out: FanOut, rollout: Rollout, counted: CommandSummary | None, last_end: str | None) -> Progress:
    """The progress from the executions that were counted, None for too many, and the last end of one. The targets are
    the sum of the outcomes: the row and the index are not read at the same moment."""
    goes_on = ROLLOUT in fan_out.parts
    waiting = rollout.waiting if goes_on else 0
    skipped = 0 if goes_on else rollout.waiting
    summary = counted and replace(counted, waiting=waiting, skipped=skipped, dropped=rollout.dropped)
    if not rollout.is_found and goes_on:
        return Progress(CommandState.CREATING, None, None, summary, standing_of(fan_out))
    targets = rollout.total if summary is None else summary.total
    is_open = bool(rollout.out) if summary is None else summary.open > 0
    if goes_on or is_open:
        return Progress(CommandState.RUNNING, targets, None, summary, standing_of(fan_out))
    finished_at = max(filter(None, (fan_out.made_at, last_end)), default=None)
    return Progress(CommandState.FINISHED, targets, finished_at, summary, standing_of(fan_out))


def standing_of(fan_out: FanOut | None) -> tuple[RolloutState, str | None] | None:
    """State and reason of the rollout, None without one."""
    if fan_out is None or fan_out.rollout is None:
        return None
    return shown(fan_out.rollout, fan_out.parts)
