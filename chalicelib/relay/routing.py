"""Which messages a batch of changes needs. Pure.

A message holds ids and no state: the worker reads what is true when it runs. The envelope of an event is the exception,
since a fact does not change.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Message, Queue, batches, body_bytes

DELIVERIES_PER_MESSAGE = 20
"""One worker makes them one after the other, about 10 ms each: well inside its timeout."""

T = TypeVar("T")

NODES_PER_MESSAGE = 20
"""Nodes that one message asks to update themselves: their rows and events are one transaction."""

NODE_CLEAN_UPS = ("node", "ssh_of_node")
"""Kinds of clean-up that a deleted node leaves to do, each with a cursor of its own."""

_REGISTRATIONS = frozenset({"node.registered", "node.reregistered"})
_WAKE = "executions"
_CANCEL = "cancel"


@dataclass
class Plan:
    """What a batch of changes asks for, collected change by change."""

    deliveries: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    updates: dict[Any, list[Any]] = field(default_factory=dict)
    messages: dict[Queue, list[Message]] = field(default_factory=dict)
    events: list[Message] = field(default_factory=list)
    deltas: Counter[str] = field(default_factory=Counter)
    request_id: str = ""
    """Of the first change: messages of a batch share one, each event keeps its own."""

    def add_change(self, change: Change) -> None:
        """Queue the work that the change asks for."""
        self.request_id = self.request_id or change.request_id
        row = change.row
        match change.table:
            case "fan_outs" if change.old is None:
                for part in _texts(row.get("parts")):
                    self._send(Queue.EXECUTION_CREATION, {"command_id": row["command_id"], "part": part})
            case "executions" if change.old is None and row["status"] == "pending":
                self._deliver(row, _WAKE)
            case "executions" if change.new is not None and _ends_on_agent(change):
                self._deliver(row, _CANCEL)
            case "self_update_requests" if change.old is None:
                parts = [{"request_id": row["id"], "part": part} for part in _texts(row.get("parts"))]
                for message in parts or [{"request_id": row["id"]}]:
                    self._send(Queue.SELF_UPDATES, message)
            case "self_updates" if change.old is None:
                self.updates.setdefault(row["request_id"], []).append(row["node_id"])
            case _:
                self._plan_clean_up(change)

    def _plan_clean_up(self, change: Change) -> None:
        """Queue what a deletion leaves to be done, and what else has to follow a row outside of it."""
        row, operation = change.row, change.operation
        removed = change.new is None
        match change.table:
            case "commands" if not removed and operation == "command.deleted":
                self._clean_up("command", row["id"])
            case "fan_outs" if not removed and operation == "fan_out.cancel_requested":
                self._clean_up("cancel_command", row["command_id"])
            case "clusters" if removed:
                self._clean_up("cluster", row["id"])
            case "nodes" if removed:
                for kind in NODE_CLEAN_UPS:
                    self._clean_up(kind, row["id"])
            case "nodes" if operation in _REGISTRATIONS and row.get("replaced_connection_id"):
                self._clean_up("connection", row["replaced_connection_id"])
            case "aliases":
                self._clean_up("alias", row["id"], cluster_name=row["cluster_name"], name=row["name"])
            case "webhooks" if removed:
                self._clean_up("webhook", row["id"])
            case "self_update_requests" if removed:
                self._clean_up("self_update_request", row["id"])
            case _:
                return

    def add_deltas(self, deltas: Counter[str]) -> None:
        """Move the totals by as much."""
        for total, delta in deltas.items():
            self.deltas[total] += delta

    def add_events(self, request_id: str, envelopes: Iterable[Mapping[str, Any]]) -> None:
        """Queue envelopes; the request id stays beside them for the log."""
        self.events.extend({"request_id": request_id, "envelope": envelope} for envelope in envelopes)

    def ready(self) -> Iterator[tuple[Queue, list[Message]]]:
        """Everything to send, queue by queue: what somebody waits for comes first."""
        deliveries: list[Message] = [
            {"node_id": node_id, "kind": kind, "execution_ids": ids} for (node_id, kind), ids in self.deliveries.items()
        ]
        if deliveries:
            grouped: list[Message] = [{"deliveries": chunk} for chunk in _chunks(deliveries, DELIVERIES_PER_MESSAGE)]
            yield Queue.COMMAND_DELIVERY, grouped
        if self.updates:
            told: list[Message] = [
                {"request_id": request_id, "node_ids": chunk}
                for request_id, node_ids in self.updates.items()
                for chunk in _chunks(node_ids, NODES_PER_MESSAGE)
            ]
            yield Queue.SELF_UPDATES, [*self.messages.pop(Queue.SELF_UPDATES, []), *told]
        yield from self.messages.items()
        if self.events:
            yield Queue.EVENTS, [{"events": chunk} for chunk in batches(self.events, body_bytes)]

    def _deliver(self, row: Mapping[str, Any], kind: str) -> None:
        ids = self.deliveries.setdefault((row["node_id"], kind), [])
        if row["id"] not in ids:
            ids.append(row["id"])

    def _clean_up(self, kind: str, row_id: Any, **more: Any) -> None:
        self._send(Queue.CLEAN_UP, {"kind": kind, "id": row_id, **more})

    def _send(self, queue: Queue, message: Message) -> None:
        self.messages.setdefault(queue, []).append(message)


def _ends_on_agent(change: Change) -> bool:
    """Whether the agent should stop what it runs: an operator asked for it, or the deadline came while it ran."""
    was_sent = change.old is not None and change.old.get("status") == "sent"
    return change.operation == "execution.cancel_requested" or (change.operation == "execution.expired" and was_sent)


def _texts(value: Any) -> list[str]:
    return sorted(value) if isinstance(value, frozenset | set | list) else []


def _chunks(values: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
