"""The effects of changes of nodes: messages for workers, published events, and facts for other families. Pure.

An event is chosen by the operation that wrote the row, not guessed from a difference; differences only decide whether a
re-registration also changed version, status or cluster. Payloads are snapshots and hold no token.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.facts import (
    NODE_CLUSTER_CHANGED,
    NODE_DELETED,
    NODE_ENROLLED,
    NODE_STATUS_CHANGED,
    NODE_VERSION_CHANGED,
)
from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.changes import Change
from chalicelib.kit.tables import Item
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import Event, Events, Rows, Send

_FACTS_OF_CHANGES = (
    ("status", NODE_STATUS_CHANGED),
    ("cluster_name", NODE_CLUSTER_CHANGED),
    ("agent_version", NODE_VERSION_CHANGED),
)

_END_SOCKETS = frozenset({"node.registered", "node.reregistered", "node.blocked", "node.identity_conflict"})
"""Operations that leave the socket behind that the node had."""

_NODE_FIELDS = (
    "cluster_name",
    "enrollment_key_id",
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
_NODE_FIELDS_IF_SET = ("blocked_at", "identity_conflict_at", "hostname", "labels")
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


def on_change(change: Change) -> Iterator[Send]:
    """Close the socket that a node left behind."""
    connection_id = change.row.get("replaced_connection_id")
    if change.table == NODES.name and change.operation in _END_SOCKETS and connection_id:
        yield Send(CLEAN_UP, {"kind": "connection", "id": connection_id})


def _events_of(change: Change, _rows: Rows) -> Iterable[Event]:
    if change.table != NODES.name:
        return
    if change.new is not None:
        yield from _published(change.operation, change.old, change.new)
    yield from _facts(change.old, change.new)


def _published(operation: str, old: Item | None, new: Item) -> Iterator[Event]:
    payload = node_payload(new)
    if operation == "node.registered" and old is None:
        yield Event(EventType.NODE_REGISTERED, payload)
        return
    if operation == "node.reregistered":
        yield Event(EventType.NODE_REREGISTERED, payload)
    if operation == "node.identity_conflict":
        # Told also where the node was unhealthy before: the catalogue has no type of its own for it.
        yield Event(EventType.NODE_STATUS_CHANGED, {**payload, "previous_status": (old or new).get("status")})
    for attribute, field, event_type in _TRANSITIONS:
        if old is not None and operation in _TRANSITION_OPERATIONS and old.get(attribute) != new.get(attribute):
            yield Event(event_type, {**payload, f"previous_{field}": old.get(attribute)})


def _facts(old: Item | None, new: Item | None) -> Iterator[Event]:
    """The internal events, from the difference alone: whatever wrote the row, it is a fact."""
    if old is None or new is None:
        yield Event(NODE_ENROLLED if new is not None else NODE_DELETED, _fact(new or old or {}))
        return
    for attribute, event_type in _FACTS_OF_CHANGES:
        if old.get(attribute) != new.get(attribute):
            yield Event(event_type, {**_fact(new), f"previous_{attribute}": old.get(attribute)})


def _fact(row: Item) -> dict[str, Any]:
    """The node of an internal event. A node that was deleted and enrols again has another ``enrolled_at``; ``version``
    counts the changes since, and so orders facts of one time. ``last_seen_at`` is its last sign of life as far as the
    row tells: of a node that has become unreachable, when its silence began."""
    return {
        "node_id": row["id"],
        "cluster_id": row.get("cluster_id"),
        "cluster_name": row.get("cluster_name"),
        "status": row.get("status"),
        "agent_version": row.get("agent_version"),
        "enrolled_at": row.get("inserted_at"),
        "last_seen_at": row.get("last_seen_at"),
        "version": row.get("version"),
    }


def node_payload(row: Item) -> dict[str, Any]:
    """The node of a published event; no token, no digest."""
    renamed = {"node_id": row["id"], "version": row.get("agent_version"), "agent_metrics_port": row.get("http_port")}
    said = {**renamed, **{name: row.get(name) for name in _NODE_FIELDS}}
    aliases = row.get("aliases")
    names = [each["name"] for each in aliases if isinstance(each, dict)] if isinstance(aliases, list) else []
    told = {name: row[name] for name in _NODE_FIELDS_IF_SET if row.get(name) is not None}
    return said | told | ({"aliases": names} if names else {})


EVENTS = Events(_events_of)
