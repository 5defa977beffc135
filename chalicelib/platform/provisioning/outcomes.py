"""The effect of a provider's answer on a resource. Pure.

The answer is applied to the row as it is now: a caller may have changed it while the provider was asked. Then only what
the answer says about the thing itself is noted, and the row is due at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.provisioning import pacing
from chalicelib.platform.provisioning.model import Resource, State
from chalicelib.platform.provisioning.ports import (
    AgainLaterError,
    GoneError,
    Kind,
    ProviderError,
    RefusedError,
    UnsureError,
)
from chalicelib.platform.provisioning.steps import Do, Step, failed, given_up, is_late, is_leased, ready

MOST_TRIES = 3
"""The deletions in a row of one whose removal has failed, their answers lost, before it rests for a while."""


@dataclass(frozen=True)
class Answer:
    """The result of a call. ``asked_before`` is when the provider had been asked before this call to create it,
    ``begun_before`` the generation that it had been asked to change it to."""

    external: Mapping[str, str] = field(default_factory=dict)
    error: ProviderError | None = None
    asked_before: str | None = None
    begun_before: int = 0


def answered(current: Resource, step: Step, answer: Answer, kind: Kind, now: datetime) -> Resource:
    """The resource after the answer to the call of a step. ``current`` is its row as it is now."""
    if is_leased(current, now) and current.leased_until != step.row.leased_until:
        return _named(current, answer)  # another worker asks its provider just now: the answer to that decides
    if current.leased_until == step.row.leased_until:
        current = current.model_copy(update={"leased_until": None})
    is_same = (current.state, current.generation) == (step.row.state, step.row.generation)
    match step.do:
        case Do.CREATE:
            return _created(current, step, answer, kind, now)
        case Do.CHANGE:
            return _changed(current, step, answer, kind, now, is_same=is_same)
        case _:
            return _deleted(current, step, answer.error, kind, now, is_same=is_same)


def unobserved(resource: Resource, error: ProviderError, kind: Kind, now: datetime) -> Resource:
    """The resource whose provider could not be asked what became of it. At work, it waits, and its deadline holds; at
    rest, it was not looked at."""
    if not resource.is_at_work:
        after = max(kind.longest_wait_seconds, _after(error) or 0)
        return _due(resource, pacing.again(resource, kind, now, after))
    if is_late(resource, now):
        return given_up(resource, kind, error.reason, now)
    later = resource.model_copy(update={"attempts": resource.attempts + 1, "reason": error.reason})
    return _due(later, pacing.again(later, kind, now, _after(error)))


def _created(current: Resource, step: Step, answer: Answer, kind: Kind, now: datetime) -> Resource:
    error = answer.error
    current = _named(current, answer)
    if error is not None and _did_nothing(error) and current.asked_at == step.row.asked_at:
        current = current.model_copy(update={"asked_at": answer.asked_before})
    if current.state is not State.PENDING:
        return _came_late(current, error, now)
    if error is None:
        begun = current.model_copy(update={"state": State.CREATING, "reason": "", "attempts": 0})
        return _due(begun, pacing.again(begun, kind, now))
    if current.generation != step.row.generation:
        return _due(current, now)
    if isinstance(error, RefusedError):
        return failed(current, error.reason, pacing.after_failure(current, kind, now))
    return _later(current, error, kind, now)


def _came_late(current: Resource, error: ProviderError | None, now: datetime) -> Resource:
    """The resource that does not wait for its creation any more when the call ends. The thing may appear from now on,
    however long ago the call began: a worker may have paused in it beyond its lease."""
    if error is None or not _did_nothing(error):
        return _due(current.model_copy(update={"asked_at": to_seconds_text(now)}), now)
    return current if current.is_released else _due(current, now)


def _changed(current: Resource, step: Step, answer: Answer, kind: Kind, now: datetime, *, is_same: bool) -> Resource:
    error = answer.error
    if error is None:
        current = _taken_on(current, step)
        return _due(current, pacing.again(current, kind, now) if is_same else now)
    if _did_nothing(error) and current.begun_generation == step.row.begun_generation:
        before = min(answer.begun_before, step.row.generation - 1) if _began_nothing(error) else answer.begun_before
        current = current.model_copy(update={"begun_generation": before})
    if not is_same:
        return _due(current, now)
    if isinstance(error, UnsureError):
        return ready(_taken_on(current, step), kind, now, reason=error.reason)
    if isinstance(error, RefusedError):
        return failed(current, error.reason, pacing.after_failure(current, kind, now))
    return _later(current, error, kind, now)


def _deleted(
    current: Resource, step: Step, error: ProviderError | None, kind: Kind, now: datetime, *, is_same: bool
) -> Resource:
    if error is None or isinstance(error, GoneError) or not _did_nothing(error):
        current = current.model_copy(update={"is_going": True})
    if error is None or isinstance(error, GoneError):
        current = _taken_on(current, step)
        return _due(current, pacing.again(current, kind, now) if is_same else now)
    if not is_same:
        return _due(current, now)
    if current.state is State.FAILED and not current.is_released:
        if not _did_nothing(error) and current.attempts < MOST_TRIES:
            return _due(current, pacing.again(current, kind, now, _after(error)))
        return _due(current.model_copy(update={"attempts": 0}), pacing.at_rest(current, kind, now))
    if isinstance(error, RefusedError) and current.state is State.DELETING:
        return failed(current, error.reason, pacing.soon(kind, now))
    return _later(current, error, kind, now)


def _named(resource: Resource, answer: Answer) -> Resource:
    """The resource with the ids that the answer tells."""
    return resource.model_copy(update={"external": {**resource.external, **answer.external}})


def _taken_on(current: Resource, step: Step) -> Resource:
    asked = max(current.asked_generation, step.row.generation)
    return current.model_copy(update={"asked_generation": asked})


def _later(current: Resource, error: ProviderError, kind: Kind, now: datetime) -> Resource:
    reason = error.reason if current.is_at_work else current.reason
    later = current.model_copy(update={"reason": reason})
    return _due(later, pacing.again(later, kind, now, _after(error)))


def _due(resource: Resource, at: datetime) -> Resource:
    return resource.model_copy(update={"due_at": to_seconds_text(at)})


def _after(error: ProviderError) -> float | None:
    return error.after_seconds if isinstance(error, AgainLaterError) else None


def _began_nothing(error: ProviderError) -> bool:
    return isinstance(error, AgainLaterError) and error.nothing_begun


def _did_nothing(error: ProviderError) -> bool:
    return isinstance(error, RefusedError | GoneError) or (isinstance(error, AgainLaterError) and error.nothing_done)
