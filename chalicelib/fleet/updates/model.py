"""The models of self-update requests and of their nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, Field

from chalicelib.fleet.reach import Reach
from chalicelib.fleet.targeting.model import Targeting

LOOK, SETTLE = "look", "settle"
"""Name, beside parts, the search for nodes that an index hid, and the look at whether all have been told."""

SORTABLE = frozenset({"inserted_at", "updated_at"})
"""The fields by which a list of requests can be sorted."""


class RequestStatus(StrEnum):
    """``pending`` until the search for its nodes starts, ``completed`` once no node is expected to report any more."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"


class NodeState(StrEnum):
    """``triggered``: the machine was told to update. ``updated``: it reports that it runs the requested version.
    ``failed``: it refused, is gone, did not ask before the deadline, went back to the previous version, or did not
    report."""

    PENDING = "pending"
    TRIGGERED = "triggered"
    UPDATED = "updated"
    FAILED = "failed"


class Summary(BaseModel, frozen=True):
    """How the nodes of a completed request ended. ``triggered`` are those that were told and have not failed since;
    ``updated``, those of them that say that they run what was asked for: agents that report nothing are not among
    them. Requests that ended before there were reports count none."""

    total: int
    triggered: int
    failed: int
    updated: int = 0


class SelfUpdateRequest(BaseModel, frozen=True):
    """A self-update request, with its targeting as the operator wrote it. ``agent_version`` is the version to run, None
    for the current one at the time when each node asks. Times are UTC seconds text.

    While ``parts`` are left, nodes are being looked for. Those that are finished are in ``looks`` until, some time
    after ``looks_since`` (the end of the last one), nodes have been looked for in them that an index had hidden; before
    that no request is completed. ``cursors`` tell where that goes on which a worker could not end. ``due_at`` is when
    the sweep looks again, None once it is completed. At ``deadline_at``, nodes that were not triggered count as failed.
    ``cluster_ids`` are the clusters of the nodes found so far; requests from before they were noted have none.
    """

    id: str
    targeting: Targeting
    agent_version: str | None = None
    status: RequestStatus
    summary: Summary | None = None
    parts: frozenset[str]
    looks: frozenset[str] = frozenset()
    looks_since: str | None = None
    cursors: Mapping[str, str] = Field(default_factory=dict)
    cluster_ids: frozenset[str] = frozenset()
    deadline_at: str
    due_at: str | None
    sweeps: int = 0
    inserted_at: str
    updated_at: str
    version: int = 0

    def is_seen_within(self, reach: Reach) -> bool:
        """Whether a part of it is within reach."""
        return self.targeting.is_within(reach) or reach.meets(self.cluster_ids)

    def is_wholly_within(self, reach: Reach) -> bool:
        """Whether all of it is, also the nodes that may yet be found."""
        is_known = not self.parts and self.looks_since is None and bool(self.cluster_ids)
        return self.targeting.is_within(reach) or (is_known and reach.covers(self.cluster_ids))


class NodeUpdate(BaseModel, frozen=True):
    """One node of a request, and the cluster that it was in when it was found.

    ``attempted_at`` stands while a push is under way; ``registration`` tells which life of the agent was told: one that
    has registered again since has restarted. ``inserted_at`` is the request's, and so is ``wanted``, its agent_version.

    Until ``report_by`` a node that was told, and whose agent reports, is waited for. ``agent_version_before`` is what
    it ran when it was told, ``agent_version`` what it says that it runs since, ``reason`` why it failed, in words.
    """

    request_id: str
    node_id: str
    cluster_name: str
    state: NodeState
    attempted_at: str | None = None
    registration: str | None = Field(default=None, repr=False)
    wanted: str | None = None
    report_by: str | None = None
    agent_version_before: str | None = None
    agent_version: str | None = None
    reason: str | None = None
    inserted_at: str
    updated_at: str


@dataclass(frozen=True)
class UpdateCheck:
    """The answer to an agent that asks: whether to update, when the newest request for it was made, which that is, and
    to which version if that was said."""

    including_me: bool
    inserted_at: str | None
    request_id: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Report:
    """The outcome that an agent reports: `NodeState.UPDATED` or `FAILED`, and the version that it runs now."""

    state: NodeState
    version: str
    reason: str | None = None


@dataclass(frozen=True)
class PartChunk:
    """The result of one message of a part. ``cursor`` is where to continue; None with ``ends_part`` False means
    dropped."""

    cursor: str | None
    ends_part: bool
