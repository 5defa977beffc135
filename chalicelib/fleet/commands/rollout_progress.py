"""How far a command with a rollout is. Pure."""

from dataclasses import replace

from chalicelib.fleet.commands.model import CommandState, CommandSummary, Progress
from chalicelib.fleet.commands.rollout import ROLLOUT, Reason, Rollout, RolloutState, Standing
from chalicelib.fleet.commands.undone import FanOut


def progress_of(
    fan_out: FanOut, rollout: Rollout, counted: CommandSummary | None, last_end: str | None, *, is_open: bool
) -> Progress:
    """The progress from the executions that were counted, None for too many, and the last end of one. ``is_open``: one
    of them has not ended. The targets are the sum of the outcomes: the row and the index are not read at the same
    moment."""
    goes_on = ROLLOUT in fan_out.parts
    waiting = rollout.waiting if goes_on else 0
    skipped = 0 if goes_on else rollout.waiting
    summary = counted and replace(counted, waiting=waiting, skipped=skipped, dropped=counted.dropped + rollout.dropped)
    standing = standing_of(fan_out)
    if not rollout.is_found and goes_on:
        return Progress(CommandState.CREATING, None, None, summary, standing)
    targets = rollout.total if summary is None else summary.total
    if goes_on or is_open:
        return Progress(CommandState.RUNNING, targets, None, summary, standing)
    finished_at = max(filter(None, (fan_out.made_at, last_end)), default=None)
    return Progress(CommandState.FINISHED, targets, finished_at, summary, standing)


def progress_of_part(
    fan_out: FanOut, rollout: Rollout, counted: CommandSummary, waiting: int, dropped: int
) -> Progress:
    """The progress of the targets within a reach: of so many the turn has not come, and so many were gone when it came.
    The limits as numbers are not told: they would tell how many targets there are elsewhere."""
    goes_on = ROLLOUT in fan_out.parts
    turns = {"waiting": waiting if goes_on else 0, "skipped": 0 if goes_on else waiting}
    summary = replace(counted, dropped=counted.dropped + dropped, **turns)
    standing = Standing(*_state_of(fan_out, rollout))
    if goes_on and not rollout.is_found:
        return Progress(CommandState.CREATING, None, None, summary, standing)
    is_over = not summary.open and not summary.waiting
    return Progress(CommandState.FINISHED if is_over else CommandState.RUNNING, summary.total, None, summary, standing)


def standing_of(fan_out: FanOut | None) -> Standing | None:
    """The state of its rollout now; None without one."""
    rollout = None if fan_out is None else fan_out.rollout
    if fan_out is None or rollout is None:
        return None
    state, reason = _state_of(fan_out, rollout)
    if not rollout.is_found:
        return Standing(state, reason)
    return Standing(state, reason, rollout.most_out, rollout.errors_allowed)


def _state_of(fan_out: FanOut, rollout: Rollout) -> tuple[RolloutState, str | None]:
    """State and reason. The row tells whether a stop, the deadline or a cancel ended it before its time: a stop is
    noted there, and a deadline had come when the making of executions ended."""
    if rollout.has_ended:
        return rollout.state, rollout.reason
    if ROLLOUT in fan_out.parts:
        return (RolloutState.RUNNING if fan_out.paused_at is None else RolloutState.PAUSED), None
    if rollout.is_found and not rollout.waiting:
        return RolloutState.FINISHED, None
    if fan_out.stopped_at is not None:
        return RolloutState.STOPPED, Reason.STOPPED
    is_late = fan_out.deadline is not None and fan_out.made_at is not None and fan_out.deadline <= fan_out.made_at
    return RolloutState.STOPPED, Reason.DEADLINE if is_late else Reason.CANCELLED
