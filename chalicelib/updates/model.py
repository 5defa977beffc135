"""What a self-update request is, and where each of its nodes stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, Field

from chalicelib.targeting.model import Targeting

LOOK, SETTLE = "look", "settle"
"""Name, beside parts, the search for nodes that an index hid, and the look at whether all have been told."""

SORTABLE = frozenset({"inserted_at", "updated_at"})
"""What a list of requests may be ordered by."""


class RequestStatus(StrEnum):
    """``pending`` until its first node is looked for, ``completed`` once no node is waited for any more."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"


class NodeState(StrEnum):
    """``triggered``: the machine was told. ``failed``: it refused, is gone, or did not ask before the deadline."""

    PENDING = "pending"
    TRIGGERED = "triggered"
    FAILED = "failed"


class Summary(BaseModel, frozen=True):
    """How the nodes of a completed request ended."""

    total: int
    triggered: int
    failed: int


class SelfUpdateRequest(BaseModel, frozen=True):
    """Targeting as the operator wrote it. Times are UTC seconds text.

    While ``parts`` are left, nodes are being looked for. Those that are finished are in ``looks`` until, some time
    after ``looks_since`` (the end of the last one), nodes have been looked for in them that an index had hidden; before
    that no request is completed. ``cursors`` tell where that goes on which a worker could not end. ``due_at``
    is when the sweep looks again, None once it is completed. At ``deadline_at`` whoever has not been told counts as
    failed.
    """

    id: str
    targeting: Targeting
    status: RequestStatus
    summary: Summary | None = None
    parts: frozenset[str]
    looks: frozenset[str] = frozenset()
    looks_since: str | None = None
    cursors: Mapping[str, str] = Field(default_factory=dict)
    deadline_at: str
    due_at: str | None
    sweeps: int = 0
    inserted_at: str
    updated_at: str
    version: int = 0


class NodeUpdate(BaseModel, frozen=True):
    """One node of a request, and the cluster that it was in when it was found.

    ``attempted_at`` stands while a push is under way; ``registration`` tells which life of the agent was told: one that
    has registered again since has restarted. ``inserted_at`` is the request's.
    """

    request_id: str
    node_id: str
    cluster_name: str
    state: NodeState
    attempted_at: str | None = None
    registration: str | None = Field(default=None, repr=False)
    inserted_at: str
    updated_at: str


@dataclass(frozen=True)
class UpdateCheck:
    """The answer to an agent that asks: whether to update, and when the newest request for it was made."""

    including_me: bool
    inserted_at: str | None


@dataclass(frozen=True)
class PartChunk:
    """What one message of a part achieved; ``cursor`` is where to go on, None with ``ends_part`` False: dropped."""

    cursor: str | None
    ends_part: bool
