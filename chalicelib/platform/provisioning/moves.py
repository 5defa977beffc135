"""The moves of a resource: what is done about one in a certain state, of which a certain thing was seen. Pure.

`rules.LIFE` says which move belongs to which state and sight.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.provisioning import pacing
from chalicelib.platform.provisioning.model import Desired, Observation, Power, Resource, Seen, State
from chalicelib.platform.provisioning.ports import Kind
from chalicelib.platform.provisioning.steps import (
    Do,
    Step,
    again,
    asking,
    failed,
    given_up,
    is_late,
    ready,
    with_deadline,
)

Move = Callable[[Resource, Observation, Kind, datetime], Step]

MOST_MISSES = 8
"""Looks in a row that do not find a thing which was there, before it is given up: descriptions may lag for longer than
one look. With the pauses between them they take one to two minutes."""

LOOKS_BETWEEN_REQUESTS = 3
"""A request that was taken on and does not show is repeated at every third look: descriptions lag."""

CAME_BACK = "It was taken for lost and is there again. Delete it, and create it again if it is needed"

_NOTHING = Observation(Seen.MISSING)


def before_a_look(resource: Resource, kind: Kind, now: datetime) -> Step:
    """The steps that need no look: the first request to the provider, and the end of one that was never asked for."""
    if resource.state is State.PENDING and resource.asked_at is None:
        return create(resource, _NOTHING, kind, now)
    if resource.state is State.DELETING and resource.asked_generation == 0:
        return end(resource, _NOTHING, kind, now)
    if resource.state is State.GONE and (resource.expires_epoch or 0) <= now.timestamp():
        return Step(Do.FORGET, resource)
    return Step(Do.LOOK, resource)


def create(resource: Resource, _observation: Observation, kind: Kind, now: datetime) -> Step:
    """Ask for it, for the first time or again: a driver makes one thing however often it is asked, or is not asked
    again as long as that thing may still appear."""
    if is_late(resource, now):
        return Step(Do.WRITE, given_up(resource, kind, resource.reason or "its provider did not answer", now))
    if not kind.has_token and pacing.may_appear(resource, kind, now):
        return Step(Do.WRITE, again(with_deadline(resource, kind, now), kind, now))
    # If it may have been made already, it was made as an earlier generation says.
    generation = resource.generation if resource.asked_at is None else resource.asked_generation
    lasting = with_deadline(resource, kind, now)
    return Step(Do.CREATE, asking(lasting, now, asked_at=to_seconds_text(now), asked_generation=generation, misses=0))


def appear(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """Its provider has accepted it and does not show it yet: descriptions lag."""
    if pacing.may_appear(resource, kind, now):
        return wait(resource, observation, kind, now)
    return doubt(resource, observation, kind, now)


def wait(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """Look again, after a pause that grows, until the deadline of the step."""
    resource = with_deadline(resource, kind, now)
    reason = observation.reason or resource.reason
    if is_late(resource, now):
        return Step(Do.WRITE, given_up(resource, kind, reason or "its provider is still at it", now))
    state = State.CREATING if resource.state is State.PENDING else resource.state
    return Step(Do.WRITE, again(resource, kind, now, state=state, reason=reason))


def settle(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """The thing is at rest: it is as the row wants it, or there is something to change."""
    is_asked = resource.asked_generation >= resource.generation
    power = _power_of(resource, observation, kind)
    if not is_asked or power is not resource.power or kind.drifted(resource, observation):
        return _change(resource, observation, kind, now)
    if unready := _unready(resource, observation, kind):
        return wait(resource, Observation(observation.seen, reason=unready), kind, now)
    return Step(Do.WRITE, ready(resource, kind, now, reason=""))


def rest(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """Nothing is being done to it. Its power is followed: who turns it off elsewhere wants it off. A look that shows it
    otherwise than its row has it may be an old one: it is looked at once more."""
    drifted, power = kind.drifted(resource, observation), _power_of(resource, observation, kind)
    if (drifted or power is not resource.power) and resource.attempts == 0:
        return Step(Do.WRITE, again(resource, kind, now))
    if drifted:
        return Step(Do.WRITE, failed(resource, drifted, pacing.at_rest(resource, kind, now)))
    reason = resource.reason if power is resource.power else f"It was turned {power} outside of this API"
    return Step(Do.WRITE, ready(resource.model_copy(update={"power": power}), kind, now, reason=reason))


def recover(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """A failed thing is at rest: it is ready, unless what made it fail lasts. A change that failed is not tried again;
    its reason stays, and the power is what it is."""
    if resource.is_released:
        return Step(Do.WRITE, resource.model_copy(update={"reason": CAME_BACK, "due_at": None}))
    wrong = kind.drifted(resource, observation) or _unready(resource, observation, kind)
    if wrong:
        return stay_failed(resource, observation, kind, now)
    reason = resource.reason if resource.done_generation < resource.generation and resource.done_generation else ""
    taken = {"power": _power_of(resource, observation, kind), "asked_generation": resource.generation}
    return Step(Do.WRITE, ready(resource.model_copy(update=taken), kind, now, reason=reason))


def doubt(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """The step for a thing that is not shown though its row expects it: look again for a while, then take it as lost. A
    description may lag behind an earlier one; and a thing that failed before it was ever shown may still come."""
    if resource.misses < MOST_MISSES or pacing.may_appear(resource, kind, now):
        return Step(Do.WRITE, again(resource, kind, now))
    return lose(resource, observation, kind, now)


def lose(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """It is gone, though it should be there."""
    reason = observation.reason or "It is not there any more at its provider"
    return Step(Do.WRITE, _released(resource, f"{reason}. Delete it and create it again", kind, now))


def become_broken(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """It is there and cannot be used."""
    reason = observation.reason or "Its provider says that it cannot be used. Delete it and create it again"
    return Step(Do.WRITE, failed(resource, reason, pacing.at_rest(resource, kind, now)))


def watch(resource: Resource, _observation: Observation, kind: Kind, now: datetime) -> Step:
    """A thing at rest that moves by itself: look again soon."""
    return Step(Do.WRITE, again(resource, kind, now))


def stay_failed(resource: Resource, _observation: Observation, kind: Kind, now: datetime) -> Step:
    """It has failed and is still there."""
    due_at = to_seconds_text(pacing.at_rest(resource, kind, now))
    return Step(Do.WRITE, resource.model_copy(update={"attempts": 0, "due_at": due_at}))


def release(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """It has failed and is not there: its quota is returned as soon as that is certain."""
    if resource.is_released:
        return _look_no_more(resource, observation, kind, now, due_at=None)
    if observation.seen is Seen.MISSING:
        by = pacing.appeared(resource, kind)
        if by is not None and now < by:
            return Step(Do.WRITE, resource.model_copy(update={"due_at": to_seconds_text(by)}))
        if resource.is_seen and resource.misses < MOST_MISSES:
            return Step(Do.WRITE, again(resource, kind, now))
    return Step(Do.WRITE, _released(resource, resource.reason, kind, now))


def remove(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """It shall go, and is there. One whose removal failed is asked to go at its look each hour, and looked at a few
    times after that."""
    resource = with_deadline(resource, kind, now) if resource.state is State.DELETING else resource
    if is_late(resource, now):
        reason = resource.reason or observation.reason or "its provider still shows it"
        return Step(Do.WRITE, given_up(resource, kind, reason, now))
    if resource.asked_generation >= resource.generation:
        if not is_time_to_ask(resource):
            return Step(Do.WRITE, again(resource, kind, now))
        if resource.state is State.FAILED and resource.attempts:
            return stay_failed(resource, observation, kind, now)
    return Step(Do.DELETE, asking(resource, now))


def leave(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """It is on its way. If not by our call, what was made with it is still to be removed."""
    if resource.asked_generation < resource.generation:
        return remove(resource, observation, kind, now)
    if resource.state is State.FAILED:
        move = remove if resource.attempts else stay_failed
        return move(resource, observation, kind, now)
    return wait(resource, observation, kind, now)


def vanish(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """It shall go and is not there. One that was asked for and never seen may still come."""
    if resource.asked_generation < resource.generation:
        return remove(resource, observation, kind, now)
    may_come = observation.seen is Seen.MISSING and not resource.is_seen and pacing.may_appear(resource, kind, now)
    if may_come:
        return Step(Do.WRITE, again(resource, kind, now))
    return end(resource, observation, kind, now)


def end(resource: Resource, _observation: Observation, kind: Kind, now: datetime) -> Step:
    """It is gone. One that was asked for and never seen is looked for once more before its row goes."""
    expires = now + kind.kept
    due = _last_look(resource, kind, now) or expires
    return Step(
        Do.WRITE,
        resource.model_copy(
            update={
                "desired": Desired.ABSENT,
                "state": State.GONE,
                "reason": "",
                "attempts": 0,
                "deadline_at": None,
                "due_at": to_seconds_text(due),
                "is_released": True,
                "expires_epoch": int(expires.timestamp()),
            }
        ),
    )


def stay_gone(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    """It is still gone. The row goes when its time is over."""
    expires = datetime.fromtimestamp(resource.expires_epoch or 0, now.tzinfo)
    return _look_no_more(resource, observation, kind, now, due_at=to_seconds_text(expires))


def remove_late(resource: Resource, observation: Observation, _kind: Kind, now: datetime) -> Step:
    """It came after its row had ended, so that no caller waits for it."""
    external = {**resource.external, **observation.external}
    return Step(Do.DELETE, asking(resource, now, external=external))


def _look_no_more(
    resource: Resource, observation: Observation, kind: Kind, now: datetime, *, due_at: str | None
) -> Step:
    """The row has ended, and nothing is there. It is looked for again as long as a request whose answer came late may
    still have made it."""
    if observation.seen is Seen.MISSING and not resource.is_seen and pacing.may_appear(resource, kind, now):
        return Step(Do.WRITE, again(resource, kind, now))
    return Step(Do.WRITE, resource.model_copy(update={"asked_at": None, "due_at": due_at}))


def _change(resource: Resource, observation: Observation, kind: Kind, now: datetime) -> Step:
    state = State.CHANGING if resource.state is State.CHANGING else State.CREATING
    resource = with_deadline(resource.model_copy(update={"state": state}), kind, now)
    if is_late(resource, now):
        reason = resource.reason or observation.reason or "its provider does not carry it out"
        return Step(Do.WRITE, given_up(resource, kind, reason, now))
    # Its creation took the specification on, but not what waits for something else: that is a change which did nothing
    # until it could, and is asked for at every look.
    is_asked = min(resource.asked_generation, resource.begun_generation) >= resource.generation
    if is_asked and not is_time_to_ask(resource):
        return Step(Do.WRITE, again(resource, kind, now))
    return Step(Do.CHANGE, asking(resource, now, begun_generation=resource.generation))


def is_time_to_ask(resource: Resource) -> bool:
    """Whether the provider has had long enough to show what it has taken on."""
    return resource.attempts % LOOKS_BETWEEN_REQUESTS == 0


def _released(resource: Resource, reason: str, kind: Kind, now: datetime) -> Resource:
    """The resource that has failed with nothing there. It is looked for once more: it may never have been seen, or
    what did not show it was wrong for long."""
    last = pacing.at_rest(resource, kind, now) if resource.is_seen else _last_look(resource, kind, now)
    ended = failed(resource, reason, None)
    return ended if last is None else ended.model_copy(update={"due_at": to_seconds_text(last)})


def _last_look(resource: Resource, kind: Kind, now: datetime) -> datetime | None:
    is_certain = resource.is_seen or resource.asked_at is None
    return None if is_certain else now + max(kind.kept / 2, timedelta(seconds=kind.longest_wait_seconds))


def _power_of(resource: Resource, observation: Observation, kind: Kind) -> Power | None:
    """The power that the thing has; the row's own for a kind without one."""
    if not kind.has_power or resource.power is None:
        return resource.power
    return Power.ON if observation.seen is Seen.READY else Power.OFF


def _unready(resource: Resource, observation: Observation, kind: Kind) -> str:
    return kind.unready(resource, observation) if observation.seen is Seen.READY else ""
