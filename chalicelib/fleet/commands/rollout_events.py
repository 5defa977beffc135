"""The events of rollouts, from the changes of their rows. Pure."""

from collections.abc import Iterator
from typing import Any

from chalicelib.fleet.commands.rollout import Rollout, RolloutState
from chalicelib.fleet.commands.rollout_progress import standing_of
from chalicelib.fleet.commands.store import fan_out_from_item
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.kit.changes import Change
from chalicelib.platform.context import Event

PROGRESS_STEPS = 10
"""How many times at most a rollout tells that it has come further."""

_BY_STATE = {
    RolloutState.PAUSED: EventType.ROLLOUT_PAUSED,
    RolloutState.STOPPED: EventType.ROLLOUT_STOPPED,
    RolloutState.FINISHED: EventType.ROLLOUT_FINISHED,
}


def events_of(change: Change) -> Iterator[Event]:
    """The events of a change of a fan-out's row: the start of its rollout, each further tenth, and its states."""
    if change.new is None or "rollout" not in change.new:
        return
    after, before = fan_out_from_item(change.new), None if change.old is None else fan_out_from_item(change.old)
    now, then = standing_of(after), standing_of(before)
    if now is None or after.rollout is None or after.deleted_at is not None:
        return
    known = None if before is None else before.rollout
    if after.rollout.is_found and (known is None or not known.is_found):
        yield _event(EventType.ROLLOUT_STARTED, after, after.rollout)
    was = RolloutState.RUNNING if then is None else then.state
    if now.state is not was:
        yield _event(_BY_STATE.get(now.state, EventType.ROLLOUT_RESUMED), after, after.rollout)
    elif known is not None and _tenth(after.rollout) > _tenth(known):
        yield _event(EventType.ROLLOUT_PROGRESSED, after, after.rollout)


def _tenth(rollout: Rollout) -> int:
    return PROGRESS_STEPS * rollout.ended_count // rollout.total if rollout.is_found and rollout.total else 0


def _event(event_type: EventType, fan_out: FanOut, rollout: Rollout) -> Event:
    return Event(event_type, _payload(fan_out, rollout), fan_out.command_id)


def _payload(fan_out: FanOut, rollout: Rollout) -> dict[str, Any]:
    standing = standing_of(fan_out)
    state, reason = (None, None) if standing is None else (standing.state, standing.reason)
    is_over = state is RolloutState.STOPPED
    return {
        "command_id": fan_out.command_id,
        "state": state,
        "reason": reason,
        **rollout.limits.model_dump(),
        "targets": rollout.total if rollout.is_found else None,
        "open": len(rollout.out),
        "ended": rollout.ended_count,
        "errors": rollout.errors,
        "waiting": 0 if is_over else rollout.waiting,
        "skipped": rollout.waiting if is_over else 0,
        "dropped": rollout.dropped,
        "inserted_at": fan_out.inserted_at,
    }
