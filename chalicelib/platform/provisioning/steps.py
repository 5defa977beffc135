"""Steps of a resource, and the changes of rows that several of them share. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.kit.clock import to_seconds_text
from chalicelib.platform.provisioning import pacing
from chalicelib.platform.provisioning.model import Resource, State
from chalicelib.platform.provisioning.ports import Kind


class Do(StrEnum):
    """The next action of the worker."""

    NOTHING = "nothing"
    LOOK = "look"
    """Observe, and decide again."""
    WRITE = "write"
    """Write the row."""
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    """Write the row, then call the driver."""
    FORGET = "forget"
    """Remove the row."""


@dataclass(frozen=True)
class Step:
    """``row`` is the resource as it is written first; where nothing is written, as it was."""

    do: Do
    row: Resource


def asking(resource: Resource, now: datetime, **values: object) -> Resource:
    """The resource while its provider is asked: no other worker touches it meanwhile."""
    until = to_seconds_text(now + pacing.LEASE)
    taken = {"attempts": resource.attempts + 1, "due_at": until, "leased_until": until}
    return resource.model_copy(update={**taken, **values})


def is_leased(resource: Resource, now: datetime) -> bool:
    """Whether a worker asks the provider just now."""
    return resource.leased_until is not None and resource.leased_until > to_seconds_text(now)


def again(resource: Resource, kind: Kind, now: datetime, **values: object) -> Resource:
    """The resource that is looked at again after a pause."""
    more = resource.model_copy(update={"attempts": resource.attempts + 1, **values})
    return more.model_copy(update={"due_at": to_seconds_text(pacing.again(more, kind, now))})


def ready(resource: Resource, kind: Kind, now: datetime, *, reason: str) -> Resource:
    """The resource at rest, with everything carried out."""
    return resource.model_copy(
        update={
            "state": State.READY,
            "reason": reason,
            "act": "",
            "done_generation": resource.generation,
            "attempts": 0,
            "deadline_at": None,
            "due_at": to_seconds_text(pacing.at_rest(resource, kind, now)),
        }
    )


def failed(resource: Resource, reason: str, look_at: datetime | None) -> Resource:
    """The resource that has failed. None: nothing is there, so that its quota is returned."""
    return resource.model_copy(
        update={
            "state": State.FAILED,
            "reason": reason,
            "attempts": 0,
            "deadline_at": None,
            "due_at": None if look_at is None else to_seconds_text(look_at),
            "is_released": resource.is_released or look_at is None,
        }
    )


def with_deadline(resource: Resource, kind: Kind, now: datetime) -> Resource:
    """The resource with a deadline for the step that it is at, if it has none."""
    if resource.deadline_at is not None:
        return resource
    return resource.model_copy(update={"deadline_at": to_seconds_text(now + _within(resource, kind))})


def is_late(resource: Resource, now: datetime) -> bool:
    """Whether the deadline of its step has passed."""
    return resource.deadline_at is not None and resource.deadline_at <= to_seconds_text(now)


def given_up(resource: Resource, kind: Kind, reason: str, now: datetime) -> Resource:
    """The resource after the deadline of its step."""
    what, remedy = _GIVEN_UP.get(resource.state, _NOT_READY)
    text = f"{what} within {_shown(_within(resource, kind))}: {reason}. {remedy}"
    return failed(resource, text, pacing.after_failure(resource, kind, now))


_GIVEN_UP = {
    State.CHANGING: ("It could not be changed", "Try it again"),
    State.DELETING: ("It could not be removed", "It is tried again each hour; delete it again to try at once"),
}
_NOT_READY = ("It was not ready", "Delete it and create it again")


def _within(resource: Resource, kind: Kind) -> timedelta:
    return {State.CHANGING: kind.change_within, State.DELETING: kind.delete_within}.get(
        resource.state, kind.create_within
    )


def _shown(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    minutes = seconds // 60
    return f"{minutes} minutes" if minutes > 1 else f"{seconds} seconds"
