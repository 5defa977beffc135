"""The schema of each event's ``data``, declared once and published in the AsyncAPI document. `events.mapping` and the
occurrences of other contexts fill these schemas; tests validate every event of a whole run against them. Timestamps of
rows have seconds, those of occurrences (``verified_at``) microseconds; all are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.fleet.events.catalogue import EventType

Status = Literal["healthy", "unhealthy", "unreachable"]


class EventData(BaseModel):
    """Base of all payloads. A field with a default may be missing; all others are always there, null included."""

    model_config = ConfigDict(extra="forbid")


class NodeEvent(EventData):
    """The node as it is after the change; no token, no password."""

    node_id: str
    cluster_name: str
    status: Status
    version: str = Field(description="Of the agent")
    id_type: Literal["persistent", "random"]
    http_port: int
    ssh_port: int
    host_metrics_port: int
    wireguard_metrics_port: int
    http_proxy_port: int
    socks5_proxy_port: int
    self_update_enabled: bool
    last_seen_at: datetime | None
    inserted_at: datetime
    updated_at: datetime
    blocked_at: datetime | None = Field(
        default=None, description="Only there while an operator keeps the machine out: since when"
    )
    identity_conflict_at: datetime | None = Field(
        default=None, description="Only there while two machines use the node's identity: when that was noticed"
    )


class NodeVersionChangedEvent(NodeEvent):
    previous_version: str = Field(description="Of the agent, before it registered again")


class NodeStatusChangedEvent(NodeEvent):
    previous_status: Status


class NodeClusterChangedEvent(NodeEvent):
    previous_cluster_name: str


class NodeUpdateTriggeredEvent(NodeEvent):
    self_update_request_id: UUID = Field(description="The request that told the agent")


class CommandExecutionEvent(EventData):
    """One command on one node; its output is only in the API."""

    command_execution_id: UUID
    command_id: UUID
    node_id: str
    cluster_name: str = Field(description="The cluster of the node when the execution was created")
    command_text: str | None = Field(
        description="Null where the command is gone, or where the event would be too large with it"
    )
    command_text_omitted: Literal[True] = Field(
        default=True, description="Only there where the text was left out for its size"
    )
    timeout: int | None = Field(description="Milliseconds")
    status: Literal["pending", "sent", "completed", "cancelled", "expired"]
    exit_code: int | None = Field(description="Null without a result; 143 of a command that was stopped")
    target_all: bool
    expired_at: datetime | None = Field(description="The command's deadline")
    sent_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    inserted_at: datetime
    updated_at: datetime


class EnrollmentKeyVerifiedEvent(EventData):
    """A machine presented a key; the key itself is a secret and not said."""

    enrollment_key_id: UUID | None = Field(description="Null for a key that is not known, as the next three")
    cluster_name: str | None
    name: str | None
    uses_remaining: int | None = Field(description="After this attempt; null also for a key without limit")
    result: Literal["verified", "invalid_key", "key_expired", "key_spent", "node_limit_reached"]
    verified_at: datetime


class SshUsernameVerifiedEvent(EventData):
    """Somebody tried to log in to a node; neither the password nor the key is said."""

    ssh_username_id: UUID | None = Field(description="Null for a name that the node does not have, as `cluster_name`")
    node_id: str
    cluster_name: str | None
    username: str = Field(description="As it was attempted")
    auth_method: Literal["password", "public_key", "unknown"]
    result: Literal["success", "failure"]
    verified_at: datetime


class UpdateTargeting(EventData):
    """As the operator wrote it; what was not given is not there."""

    type: Literal["all", "nodes", "clusters"]
    node_ids: list[str] = []
    cluster_names: list[str] = []
    node_filters: dict[str, Any] = {}
    cluster_filters: dict[str, Any] = {}


class UpdateSummary(EventData):
    """How many nodes the request was for, and how they ended."""

    total: int
    triggered: int
    failed: int
    updated: int = Field(default=0, description="Those of the triggered that say that they run what was asked for")


class SelfUpdateRequestEvent(EventData):
    self_update_request_id: UUID
    status: Literal["pending", "processing", "completed"]
    targeting: UpdateTargeting | None = Field(description="Null where the event would be too large with it")
    targeting_omitted: Literal[True] = Field(
        default=True, description="Only there where the targeting was left out for its size"
    )
    summary: UpdateSummary | None
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class EventDescription:
    """``summary`` says when the event happens; ``data`` is the shape of its payload."""

    summary: str
    data: type[EventData]


DESCRIPTIONS: Mapping[EventType, EventDescription] = {
    EventType.ENROLLMENT_KEY_VERIFIED: EventDescription(
        "A machine presented an enrollment key, good or not.", EnrollmentKeyVerifiedEvent
    ),
    EventType.NODE_REGISTERED: EventDescription("A machine became a node.", NodeEvent),
    EventType.NODE_REREGISTERED: EventDescription("A known node registered again.", NodeEvent),
    EventType.NODE_VERSION_CHANGED: EventDescription(
        "A node registered again with another version of its agent.", NodeVersionChangedEvent
    ),
    EventType.NODE_STATUS_CHANGED: EventDescription(
        "A node became healthy, unhealthy or unreachable.", NodeStatusChangedEvent
    ),
    EventType.NODE_CLUSTER_CHANGED: EventDescription("A node moved to another cluster.", NodeClusterChangedEvent),
    EventType.NODE_UPDATE_TRIGGERED: EventDescription(
        "A self-update request told a node's agent to update itself.", NodeUpdateTriggeredEvent
    ),
    EventType.EXECUTION_CREATED: EventDescription("A command has an execution on a node.", CommandExecutionEvent),
    EventType.EXECUTION_SENT: EventDescription("The agent has taken the execution.", CommandExecutionEvent),
    EventType.EXECUTION_COMPLETED: EventDescription("The agent reported a result.", CommandExecutionEvent),
    EventType.EXECUTION_CANCELLED: EventDescription(
        "The execution was cancelled before it ran, or the agent stopped it.", CommandExecutionEvent
    ),
    EventType.EXECUTION_EXPIRED: EventDescription(
        "The command's deadline passed without a result.", CommandExecutionEvent
    ),
    EventType.EXECUTION_PRUNED: EventDescription(
        "The execution is about to be removed for its age.", CommandExecutionEvent
    ),
    EventType.SSH_USERNAME_VERIFIED: EventDescription(
        "A node's SSH server had somebody's credentials checked.", SshUsernameVerifiedEvent
    ),
    EventType.SELF_UPDATE_REQUEST_COMPLETED: EventDescription(
        "A self-update request has an outcome for each of its nodes.", SelfUpdateRequestEvent
    ),
}
"""Every type of the catalogue."""
