"""Which messages a batch of changes needs. Pure.

A message holds ids and no state: the worker reads what is true when it runs. The envelope of an event is the exception,
since a fact does not change.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.undone import PASSES, pass_message, pass_of
from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.targeting.model import at_first
from chalicelib.fleet.transport.dispatch import AgentWork
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.kit import tasks
from chalicelib.kit.changes import Change
from chalicelib.kit.parking import moved
from chalicelib.kit.queues import Message, Queue, Traced, batches, body_bytes
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES

ASKED_DELIVERIES = frozenset({"webhook_delivery.tested", "webhook_delivery.redelivered"})
"""What operators ask of deliveries. All else that is written of them is the work of whoever delivers."""

_END_SOCKETS = frozenset({"node.registered", "node.reregistered", "node.blocked", "node.identity_conflict"})
"""What leaves the socket behind that the node had."""

_PLACES = ("cluster_id", "netmaker_host_id")
"""Where a node is: what the mesh has to follow of it."""

_WAKE = "executions"
_CANCEL = "cancel"


@dataclass
class Plan:
    """What a batch of changes asks for, collected change by change. ``for_agents`` is what somebody waits for: it is to
    be sent first, and goes to whoever owns the agents' clusters. ``has_mesh``: a mesh is to follow clusters, nodes and
    aliases."""

    has_mesh: bool = False
    for_agents: AgentWork = field(default_factory=AgentWork)
    messages: dict[Queue, list[Message]] = field(default_factory=dict)
    events: list[Message] = field(default_factory=list)
    deltas: Counter[str] = field(default_factory=Counter)
    latest: dict[str, str] = field(default_factory=dict)
    """Total -> the latest time at which one of its rows ended."""
    request_id: str = ""
    """Of the first change: messages of a batch share one, each event keeps its own."""

    def add_change(self, change: Change) -> None:
        """Queue the work that the change asks for."""
        self.request_id = self.request_id or change.request_id
        row = change.row
        match change.table:
            case "fan_outs" | "self_update_requests" if going_on := moved(change):
                self._go_on(change, going_on)
            case "fan_outs" if change.old is None:
                for part in at_first(_texts(row.get("parts"))):
                    self._send(EXECUTION_CREATION, {"command_id": row["command_id"], "part": part})
            case "executions" if change.old is None and row["status"] == "pending":
                self._deliver(row, _WAKE)
            case "executions" if change.new is not None and _ends_on_agent(change):
                self._deliver(row, _CANCEL)
            case "self_update_requests" if change.old is None:
                parts = [{"request_id": row["id"], "part": part} for part in _texts(row.get("parts"))]
                for message in parts or [{"request_id": row["id"]}]:
                    self._send(SELF_UPDATES, message)
            case "self_updates" if change.old is None:
                self.for_agents.update(str(row["cluster_name"]), str(row["request_id"]), str(row["node_id"]))
            case _:
                self._plan_clean_up(change)
        if self.has_mesh:
            self._plan_mesh(change)

    def _go_on(self, change: Change, going_on: Mapping[str, str]) -> None:
        """Queue what a worker could not end of a command, or of a self-update request, within one invocation."""
        row = change.row
        for name, cursor in going_on.items():
            if change.table == "self_update_requests":
                self._send(SELF_UPDATES, {"request_id": row["id"], "part": name, "cursor": cursor})
            elif pass_of(name) in PASSES:
                self._send(CLEAN_UP, pass_message(str(row["command_id"]), name, going_on))
            else:
                self._send(EXECUTION_CREATION, {"command_id": row["command_id"], "part": name, "cursor": cursor})

    def _plan_clean_up(self, change: Change) -> None:
        """Queue what a deletion or an operator's wish leaves to be done, and what else has to follow a row outside of
        it."""
        row, operation = change.row, change.operation
        removed = change.new is None
        match change.table:
            case "commands" if not removed and operation == "command.deleted":
                self._clean_up("command", row["id"])
            case "fan_outs" if not removed and operation == "fan_out.cancel_requested":
                self._clean_up("cancel_command", row["command_id"])
            case "tasks" if tasks.is_asked(change.old, change.new):
                queue = tasks.queue_of(row, CLEAN_UP)
                self._send(queue, Traced(tasks.message_of(row), change.request_id))
            case "webhook_deliveries" if not removed and operation in ASKED_DELIVERIES:
                delivery = {"webhook_id": row["webhook_id"], "delivery_id": row["id"]}
                self._send(WEBHOOK_DELIVERIES, Traced(delivery, change.request_id))
            case "nodes" if operation in _END_SOCKETS and row.get("replaced_connection_id"):
                self._clean_up("connection", row["replaced_connection_id"])
            case _:
                return

    def _plan_mesh(self, change: Change) -> None:
        """Queue what the mesh has to follow. A node's message names the host and the cluster that it had before."""
        row, old, new = change.row, change.old, change.new
        match change.table:
            case "clusters" if old is None or new is None:
                self._send(VPN, {"kind": "cluster", "name": row["name"]})
            case "nodes" if old is not None and (new is None or any(old.get(key) != new.get(key) for key in _PLACES)):
                before = {"host_id": old.get("netmaker_host_id"), "cluster_name": old["cluster_name"]}
                self._send(VPN, {"kind": "node", "id": row["id"], **before})
            case "enrollment_keys" if new is None and row.get("last_used_at") is not None:
                self._send(VPN, {"kind": "join_keys", "id": row["id"]})
            case "aliases":
                name = {"cluster_name": row["cluster_name"], "name": row["name"]}
                self._send(VPN, {"kind": "alias", "id": row["id"], **name})
            case _:
                return

    def add_end(self, total: str, at: str) -> None:
        """A row of the total ended."""
        self.latest[total] = max(at, self.latest.get(total, ""))

    def add_deltas(self, deltas: Counter[str]) -> None:
        """Move the totals by as much."""
        for total, delta in deltas.items():
            self.deltas[total] += delta

    def add_events(self, request_id: str, envelopes: Iterable[Mapping[str, Any]]) -> None:
        """Queue envelopes; the request id stays beside them for the log."""
        self.events.extend({"request_id": request_id, "envelope": envelope} for envelope in envelopes)

    def ready(self) -> Iterator[tuple[Queue, list[Message]]]:
        """Everything else to send, queue by queue, events last."""
        yield from self.messages.items()
        if self.events:
            yield EVENTS, [{"events": chunk} for chunk in batches(self.events, body_bytes)]

    def _deliver(self, row: Mapping[str, Any], kind: str) -> None:
        # The cluster that the node was in when the command was given: if it has moved since, whoever is told of it can
        # still wake it, and a poll finds what a push does not reach.
        self.for_agents.deliver(row["node_cluster_name"], row["node_id"], kind, [row["id"]])

    def _clean_up(self, kind: str, row_id: Any, **more: Any) -> None:
        self._send(CLEAN_UP, {"kind": kind, "id": row_id, **more})

    def _send(self, queue: Queue, message: Message) -> None:
        self.messages.setdefault(queue, []).append(message)


def _ends_on_agent(change: Change) -> bool:
    """Whether the agent should stop what it runs: an operator asked for it, or the deadline came while it ran."""
    was_sent = change.old is not None and change.old.get("status") == "sent"
    return change.operation == "execution.cancel_requested" or (change.operation == "execution.expired" and was_sent)


def _texts(value: Any) -> list[str]:
    return sorted(value) if isinstance(value, frozenset | set | list) else []
