"""Which events a change is, and what they say. Pure: images in, payloads out.

An event is chosen by the operation that wrote the row, not guessed from a difference; differences only decide whether a
re-registration also changed version, status or cluster. Payloads are snapshots and hold no token and no output.
"""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.fleet.events.catalogue import EventType
from chalicelib.kit.changes import Change
from chalicelib.kit.tables import Item

Payload = dict[str, Any]
Event = tuple[EventType, Payload]

EXECUTION_EVENTS: Mapping[str, EventType] = {
    "execution.created": EventType.EXECUTION_CREATED,
    "execution.sent": EventType.EXECUTION_SENT,
    "execution.completed": EventType.EXECUTION_COMPLETED,
    # The contract's "completed" is "the agent reported a result": one that reports its deadline says so in `status`.
    "execution.reported_expired": EventType.EXECUTION_COMPLETED,
    "execution.reported_cancelled": EventType.EXECUTION_CANCELLED,
    "execution.cancelled": EventType.EXECUTION_CANCELLED,
    "execution.expired": EventType.EXECUTION_EXPIRED,
    "execution.pruned": EventType.EXECUTION_PRUNED,
}

_NODE_FIELDS = (
    "cluster_name",
    "status",
    "id_type",
    "http_port",
    "ssh_port",
    "host_metrics_port",
    "wireguard_metrics_port",
    "http_proxy_port",
    "socks5_proxy_port",
    "self_update_enabled",
    "last_seen_at",
    "inserted_at",
    "updated_at",
)
_NODE_FIELDS_IF_SET = ("blocked_at", "identity_conflict_at")
_EXECUTION_FIELDS = (
    "command_id",
    "node_id",
    "status",
    "exit_code",
    "target_all",
    "sent_at",
    "completed_at",
    "cancelled_at",
    "inserted_at",
    "updated_at",
)


def events_of(change: Change, commands: Mapping[str, Item]) -> list[Event]:
    """The events of one change, in order; none for a change that is not published.

    ``commands`` holds the rows of the commands that executions refer to; one that is missing leaves its fields null.
    """
    if change.new is None:
        return []
    match change.table:
        case "nodes":
            return _node_events(change.operation, change.old, change.new)
        case "executions":
            event_type = EXECUTION_EVENTS.get(change.operation)
            return [] if event_type is None else [(event_type, _execution_payload(change.new, commands))]
        case "self_update_requests" if change.operation == "self_update_request.completed":
            return [(EventType.SELF_UPDATE_REQUEST_COMPLETED, _request_payload(change.new))]
        case "occurrences" if change.old is None:
            return [(EventType(str(change.new["type"])), json.loads(str(change.new["data"])))]
        case _:
            return []


def _node_events(operation: str, old: Item | None, new: Item) -> list[Event]:
    payload = node_payload(new)
    events: list[Event] = []
    if operation == "node.registered" and old is None:
        return [(EventType.NODE_REGISTERED, payload)]
    if operation == "node.reregistered":
        events.append((EventType.NODE_REREGISTERED, payload))
    if operation == "node.identity_conflict":
        # Told also where the node was unhealthy before: the catalogue has no type of its own for it.
        events.append((EventType.NODE_STATUS_CHANGED, {**payload, "previous_status": (old or new).get("status")}))
    for attribute, field, event_type in _TRANSITIONS:
        if old is not None and operation in _TRANSITION_OPERATIONS and old.get(attribute) != new.get(attribute):
            events.append((event_type, {**payload, f"previous_{field}": old.get(attribute)}))
    return events


_TRANSITIONS = (
    ("agent_version", "version", EventType.NODE_VERSION_CHANGED),
    ("status", "status", EventType.NODE_STATUS_CHANGED),
    ("cluster_name", "cluster_name", EventType.NODE_CLUSTER_CHANGED),
)
_TRANSITION_OPERATIONS = frozenset(
    {
        "node.reregistered",
        "node.health_reported",
        "node.became_healthy",
        "node.became_unreachable",
        "node.blocked",
        "node.unblocked",
        "node.cluster_changed",
    }
)


def node_payload(row: Item) -> Payload:
    """The data about a node in every event; no token, no digest."""
    said = {"node_id": row["id"], "version": row.get("agent_version"), **{name: row.get(name) for name in _NODE_FIELDS}}
    return said | {name: row[name] for name in _NODE_FIELDS_IF_SET if row.get(name) is not None}


def _execution_payload(row: Item, commands: Mapping[str, Item]) -> Payload:
    command = commands.get(str(row["command_id"]), {})
    return {
        "command_execution_id": row["id"],
        "cluster_name": row.get("node_cluster_name"),
        "command_text": command.get("command_text"),
        "timeout": command.get("timeout"),
        "expired_at": command.get("expired_at"),
        **{name: row.get(name) for name in _EXECUTION_FIELDS},
    }


def _request_payload(row: Item) -> Payload:
    names = ("status", "targeting", "summary", "inserted_at", "updated_at")
    return {"self_update_request_id": row["id"], **{name: row.get(name) for name in names}}


def commands_needed(changes: list[Change]) -> set[str]:
    """The ids of the commands that `events_of` wants to see for these changes. A row that names none asks for none:
    whether it makes sense is decided change by change."""
    named = [
        change.new.get("command_id")
        for change in changes
        if change.table == "executions" and change.new is not None and change.operation in EXECUTION_EVENTS
    ]
    return {command_id for command_id in named if isinstance(command_id, str) and command_id}
