"""The life of a resource, in one table. Pure.

`decide` says what to do about a resource that is due, by its state and by what was seen of its thing. The worker writes
`Step.row` first, if it has not changed since, and only then calls the provider; `outcomes` says what the answer makes
of the row. So the row says at any moment what may be under way outside.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from chalicelib.platform.provisioning import moves
from chalicelib.platform.provisioning.model import Desired, Observation, Resource, Seen, State
from chalicelib.platform.provisioning.moves import Move
from chalicelib.platform.provisioning.pacing import is_due
from chalicelib.platform.provisioning.ports import Kind
from chalicelib.platform.provisioning.steps import Do, Step

_BEGUN: Mapping[Seen, Move] = {
    Seen.BECOMING: moves.wait,
    Seen.READY: moves.settle,
    Seen.STOPPING: moves.wait,
    Seen.STOPPED: moves.settle,
    Seen.ENDING: moves.wait,
    Seen.ENDED: moves.lose,
    Seen.BROKEN: moves.become_broken,
}

LIFE: Mapping[State, Mapping[Seen, Move]] = MappingProxyType(
    {
        State.PENDING: {**_BEGUN, Seen.MISSING: moves.create},
        State.CREATING: {**_BEGUN, Seen.MISSING: moves.appear},
        State.CHANGING: {**_BEGUN, Seen.MISSING: moves.doubt},
        State.READY: {
            **dict.fromkeys((Seen.BECOMING, Seen.STOPPING, Seen.ENDING), moves.watch),
            **dict.fromkeys((Seen.READY, Seen.STOPPED), moves.rest),
            Seen.MISSING: moves.doubt,
            Seen.ENDED: moves.lose,
            Seen.BROKEN: moves.become_broken,
        },
        State.DELETING: {
            **dict.fromkeys(Seen, moves.remove),
            Seen.MISSING: moves.vanish,
            Seen.ENDING: moves.leave,
            Seen.ENDED: moves.vanish,
        },
        State.FAILED: {
            **dict.fromkeys(Seen, moves.stay_failed),
            **dict.fromkeys((Seen.READY, Seen.STOPPED), moves.recover),
            **dict.fromkeys((Seen.MISSING, Seen.ENDED), moves.release),
        },
        State.GONE: {
            **dict.fromkeys(Seen, moves.remove_late),
            **dict.fromkeys((Seen.MISSING, Seen.ENDING, Seen.ENDED), moves.stay_gone),
        },
    }
)
"""The move of a resource in this state whose thing is seen like that."""


def decide(resource: Resource, observation: Observation | None, kind: Kind, now: datetime) -> Step:
    """The next step of a resource. None stands for no look yet."""
    if not is_due(resource, now):
        return Step(Do.NOTHING, resource)
    resource = resource.model_copy(update={"leased_until": None})
    if observation is None:
        return moves.before_a_look(resource, kind, now)
    if resource.is_released and not resource.is_seen and observation.seen not in {Seen.MISSING, Seen.ENDED}:
        return moves.remove_late(resource, observation, kind, now)
    is_unwanted = resource.state is State.FAILED and resource.desired is Desired.ABSENT
    life = LIFE[State.DELETING if is_unwanted else resource.state]
    return life[observation.seen](noted(resource, observation), observation, kind, now)


def noted(resource: Resource, observation: Observation) -> Resource:
    """The resource with what was seen of its thing."""
    if observation.seen is Seen.MISSING:
        return resource.model_copy(update={"misses": resource.misses + 1})
    generation = max(resource.asked_generation, observation.generation or 0)
    return resource.model_copy(
        update={
            "is_seen": True,
            "misses": 0,
            "is_broken": observation.seen is Seen.BROKEN,
            "is_going": _is_going(resource, observation.seen),
            "external": {**resource.external, **observation.external},
            "observed": dict(observation.facts) or resource.observed,
            "asked_generation": min(generation, resource.generation),
        }
    )


def _is_going(resource: Resource, seen: Seen) -> bool:
    """Whether it is being removed, or may have been: descriptions lag behind a request, until it is repeated."""
    is_lagging = resource.desired is Desired.ABSENT and not moves.is_time_to_ask(resource)
    return seen in {Seen.ENDING, Seen.ENDED} or (resource.is_going and is_lagging)
