"""Decisions about self-update requests. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from chalicelib.fleet.nodes.model import Agent, Node, Status
from chalicelib.fleet.targeting.model import Targeting
from chalicelib.fleet.updates.model import (
    LOOK,
    SETTLE,
    NodeState,
    NodeUpdate,
    Report,
    RequestStatus,
    SelfUpdateRequest,
    Summary,
)
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, conflict
from chalicelib.kit.redrive import look_again_at

UNKNOWN_AFTER = timedelta(seconds=300)
"""A push without a stored outcome after this time never gets one: the worker has 60 s. The machine may have been
triggered, and is not triggered again."""

REPORTED_WITHIN = timedelta(hours=1)
"""How long to wait for the report of a triggered node: it lets commands end, downloads, installs, and is on probation.
"""

REPLACED = "a newer request replaced it"

_REGISTRATION_LENGTH = 16


def forced(targeting: Targeting) -> Targeting:
    """The same targeting, narrowed to healthy machines that allow updates, regardless of its filters."""
    filters = {**(targeting.node_filters or {}), "status": Status.HEALTHY.value, "self_update_enabled": True}
    return targeting.model_copy(update={"node_filters": filters})


def next_look(request: SelfUpdateRequest, now: datetime) -> str:
    """When to look at an unfinished request again: its deadline is one such time."""
    again = look_again_at(now, request.sweeps)
    return min(again, request.deadline_at) if to_seconds_text(now) < request.deadline_at else again


def is_wanted(request: SelfUpdateRequest, name: str) -> bool:
    """Whether a part, or other named work of a request, is still to be continued."""
    if name == LOOK:
        return request.looks_since is not None
    return name in request.parts or (name == SETTLE and request.status is not RequestStatus.COMPLETED)


def is_outcome_unknown(update: NodeUpdate, now: datetime) -> bool:
    """Whether a push was started whose outcome can no longer be stored."""
    return update.attempted_at is not None and parse_time(update.attempted_at) + UNKNOWN_AFTER <= now


def registration_of(node: Node) -> str:
    """Identifies the current registration of a node; the next one has another value."""
    return node.token_digest[:_REGISTRATION_LENGTH]


def reports(node: Node) -> bool:
    """Whether its agent reports the outcome of an update. Agents from a bundle do, and have its build in their version
    (``0.2.0+b1a2b3c4d5``); others stay *triggered*."""
    return "+" in node.agent_version


def report_by(node: Node, now: datetime) -> str | None:
    """The deadline for the report of a node that is triggered now; None if its agent does not report."""
    return to_seconds_text(now + REPORTED_WITHIN) if reports(node) else None


def takes_updates(agent: Agent) -> bool:
    """Whether the machine that asks may be triggered now."""
    return agent.node.self_update_enabled and agent.node.status is not Status.UNHEALTHY


def concerns(update: NodeUpdate, agent: Agent) -> bool:
    """Whether the agent should still act: not triggered yet, or triggered and not registered again since (it knows if
    it has acted). An agent that reports is told until its report is there: it may have been busy with another update
    when it was told."""
    if update.state is NodeState.PENDING:
        return True
    is_heard = update.report_by is None and update.registration != registration_of(agent.node)
    return update.state is NodeState.TRIGGERED and not is_heard


def is_replaced(update: NodeUpdate, newest: NodeUpdate, agent: Agent) -> bool:
    """Whether the agent, which reports, will never act on this request: it acts on the newest for its node alone. One
    without reports does so too, but nothing is asked of it."""
    return reports(agent.node) and update.state is NodeState.PENDING and update.request_id != newest.request_id


def report_for_older(update: NodeUpdate, newer: NodeUpdate, report: Report) -> Report | None:
    """The end of a request that was told before a newer one was acted on, with the report about the newer: it is served
    where that brought a version that it takes. None if it is not older, or expects no report."""
    if update.report_by is None or update.request_id >= newer.request_id:  # ids are in the order of time
        return None
    if report.state is NodeState.UPDATED and update.wanted in {None, report.version}:
        return report
    return Report(NodeState.FAILED, report.version, REPLACED)


def delete_refused(status: RequestStatus) -> EdgeError:
    return conflict(
        f"cannot delete self-update request with status '{status.value}' - only completed requests can be deleted"
    )


def partly_out_of_reach() -> EdgeError:
    """Ours: what belongs to others as well is not deleted with what is one's own."""
    return EdgeError(Kind.FORBIDDEN, "this request also reached clusters that this key is not for")


def summary_of(updates: Iterable[NodeUpdate]) -> Summary:
    """How the nodes of a completed request ended."""
    counts = Counter(update.state for update in updates)
    updated, failed = counts[NodeState.UPDATED], counts[NodeState.FAILED]
    triggered = counts[NodeState.TRIGGERED] + updated
    return Summary(total=triggered + failed, triggered=triggered, failed=failed, updated=updated)
