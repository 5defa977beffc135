"""Writes of the nodes of self-update requests. Each fails if the node's state is not the one that it is for."""

from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.updates.model import NodeState, NodeUpdate, Report
from chalicelib.fleet.updates.store import NODE_UPDATES, update_key
from chalicelib.kit.tables import Absent, And, Change, Condition, Delete, Equals, Exists, Item, Remove, Set, Update

_IS_PENDING = Equals("state", NodeState.PENDING.value)
_IS_REPORT_EXPECTED = And(Equals("state", NodeState.TRIGGERED.value), Exists("report_by"))


def begin_push(row: NodeUpdate, now: str) -> Update:
    """Notes that a push begins; fails if another has begun."""
    return _update(row.request_id, row.node_id, (Set("attempted_at", now),), And(_IS_PENDING, Absent("attempted_at")))


def undo_push(request_id: str, node_id: str) -> Update:
    """The push did not reach the node: it may be tried again."""
    return _update(request_id, node_id, (Remove("attempted_at"),), _IS_PENDING)


def triggered(request_id: str, node: Node, registration: str, report_by: str | None, now: str) -> Update:
    """The pending node was told in its present ``registration``; ``report_by`` is when its report is due, None for an
    agent that sends none."""
    changes = (
        Set("state", NodeState.TRIGGERED.value),
        Set("registration", registration),
        Set("agent_version_before", node.agent_version),
        Set("report_by", report_by),
        Set("updated_at", now),
        Remove("attempted_at"),
    )
    return _update(request_id, node.id, changes, _IS_PENDING)


def fail_pending(request_id: str, node_id: str, reason: str, now: str) -> Update:
    """The pending node will not be updated."""
    return _failed(request_id, node_id, reason, now, _IS_PENDING)


def fail_silent(request_id: str, node_id: str, reason: str, now: str) -> Update:
    """The node whose report was expected has not sent it in time."""
    return _failed(request_id, node_id, reason, now, _IS_REPORT_EXPECTED)


def reported(request_id: str, node_id: str, report: Report, now: str) -> Update:
    """The report of a node from which one is expected."""
    reason = () if report.reason is None else (Set("reason", report.reason),)
    changes = (
        Set("state", report.state.value),
        Set("agent_version", report.version),
        *reason,
        Set("updated_at", now),
        Remove("report_by"),
    )
    return _update(request_id, node_id, changes, _IS_REPORT_EXPECTED)


def delete(item: Item) -> Delete:
    """Removes the row of a node of a deleted request."""
    return Delete(NODE_UPDATES, NODE_UPDATES.key_of(item))


def _failed(request_id: str, node_id: str, reason: str, now: str, still: Condition) -> Update:
    ended = (Set("state", NodeState.FAILED.value), Set("reason", reason), Set("updated_at", now))
    return _update(request_id, node_id, (*ended, Remove("attempted_at"), Remove("report_by")), still)


def _update(request_id: str, node_id: str, changes: tuple[Change, ...], condition: Condition) -> Update:
    return Update(NODE_UPDATES, update_key(request_id, node_id), changes, condition)
