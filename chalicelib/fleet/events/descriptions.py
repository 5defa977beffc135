"""When each event happens and what it tells: the texts of the AsyncAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.fleet import samples
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.events.schemas import (
    CommandExecutionEvent,
    CoreTestEvent,
    EnrollmentKeyVerifiedEvent,
    EventData,
    NodeClusterChangedEvent,
    NodeEvent,
    NodeStatusChangedEvent,
    NodeUpdateTriggeredEvent,
    NodeVersionChangedEvent,
    RolloutEvent,
    SelfUpdateRequestEvent,
    SshUsernameVerifiedEvent,
)


@dataclass(frozen=True)
class EventDescription:
    """``summary`` says when the event happens; ``data`` is the shape of its payload. ``example`` replaces fields of the
    example that is composed from those of the payload's fields."""

    summary: str
    data: type[EventData]
    example: Mapping[str, Any] = field(default_factory=dict)


_NO_RESULT: dict[str, Any] = {"exit_code": None, "completed_at": None}
_NOT_TAKEN = _NO_RESULT | {"sent_at": None}

DESCRIPTIONS: Mapping[EventType, EventDescription] = {
    EventType.CORE_TEST: EventDescription("An operator asked for an event, to see that events arrive.", CoreTestEvent),
    EventType.ENROLLMENT_KEY_VERIFIED: EventDescription(
        "A machine presented an enrollment key, valid or not.", EnrollmentKeyVerifiedEvent
    ),
    EventType.NODE_REGISTERED: EventDescription("A machine became a node.", NodeEvent),
    EventType.NODE_REREGISTERED: EventDescription("A known node registered again.", NodeEvent),
    EventType.NODE_VERSION_CHANGED: EventDescription(
        "A node registered again with another version of its agent.", NodeVersionChangedEvent
    ),
    EventType.NODE_STATUS_CHANGED: EventDescription(
        "A node became healthy, unhealthy or unreachable, or an identity conflict was noticed.", NodeStatusChangedEvent
    ),
    EventType.NODE_CLUSTER_CHANGED: EventDescription("A node moved to another cluster.", NodeClusterChangedEvent),
    EventType.NODE_UPDATE_TRIGGERED: EventDescription(
        "A self-update request told a node's agent to update itself.", NodeUpdateTriggeredEvent
    ),
    EventType.EXECUTION_CREATED: EventDescription(
        "An execution of a command was created for a node.", CommandExecutionEvent, _NOT_TAKEN | {"status": "pending"}
    ),
    EventType.EXECUTION_SENT: EventDescription(
        "The agent took the execution.", CommandExecutionEvent, _NO_RESULT | {"status": "sent"}
    ),
    EventType.EXECUTION_COMPLETED: EventDescription("The agent reported a result.", CommandExecutionEvent),
    EventType.EXECUTION_CANCELLED: EventDescription(
        "The execution was cancelled before it ran, or the agent stopped it.",
        CommandExecutionEvent,
        _NOT_TAKEN | {"status": "cancelled", "cancelled_at": samples.TWO_SECONDS_LATER},
    ),
    EventType.EXECUTION_EXPIRED: EventDescription(
        "The deadline of the command passed without a result.",
        CommandExecutionEvent,
        _NOT_TAKEN | {"status": "expired"},
    ),
    EventType.EXECUTION_DROPPED: EventDescription(
        "The node of the execution was deleted before there was a result.",
        CommandExecutionEvent,
        _NOT_TAKEN | {"status": "dropped"},
    ),
    EventType.EXECUTION_PRUNED: EventDescription(
        "The execution is about to be deleted because of its age.", CommandExecutionEvent
    ),
    EventType.SSH_USERNAME_VERIFIED: EventDescription(
        "Somebody tried to log in to a node over SSH.", SshUsernameVerifiedEvent
    ),
    EventType.SELF_UPDATE_REQUEST_COMPLETED: EventDescription(
        "Every node of a self-update request has an outcome.", SelfUpdateRequestEvent
    ),
    EventType.ROLLOUT_STARTED: EventDescription(
        "The nodes of a rollout were found, and its first executions follow.",
        RolloutEvent,
        {"open": 0, "ended": 0, "errors": 0, "waiting": 30},
    ),
    EventType.ROLLOUT_PROGRESSED: EventDescription(
        "Another tenth of a rollout has ended; told at most ten times.", RolloutEvent
    ),
    EventType.ROLLOUT_PAUSED: EventDescription("An operator paused a rollout.", RolloutEvent, {"state": "paused"}),
    EventType.ROLLOUT_RESUMED: EventDescription(
        "A paused rollout goes on; or a finished one does, since nodes were found that an index had hidden.",
        RolloutEvent,
    ),
    EventType.ROLLOUT_STOPPED: EventDescription(
        "A rollout stopped before its end; executions that are open go on unless it was cancelled.",
        RolloutEvent,
        {"state": "stopped", "reason": "too_many_errors", "errors": 4, "waiting": 0, "skipped": 18},
    ),
    EventType.ROLLOUT_FINISHED: EventDescription(
        "Every node of a rollout had its turn and ended.",
        RolloutEvent,
        {"state": "finished", "open": 0, "ended": 30, "waiting": 0},
    ),
}
"""Every type of the catalogue."""
