"""`Triggering`: triggers the updates of machines, each at most once, and ends requests.

A wake-up may be sent twice: it only makes the agent ask, and the answer names the request. A push has an effect by
itself, so it is stored before it is sent; without a stored outcome it counts as done, as the protocol treats a push
without an answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.nodes.changes import node_payload
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.transport.dispatch import AgentWork
from chalicelib.fleet.transport.push import PushOutcome
from chalicelib.fleet.transport.service import Transport
from chalicelib.fleet.updates import node_store, rules, store
from chalicelib.fleet.updates.model import NodeState, NodeUpdate, RequestStatus, SelfUpdateRequest, Summary
from chalicelib.fleet.updates.store import UpdateStore
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.tables import Item, Tables, TransactionFailedError, Update, Write
from chalicelib.platform.events.service import Events

FAILED_PER_LOOK = 300
"""The maximum of rows that one look at a request changes at the deadline: three seconds."""

REDRIVEN_PER_MESSAGE = 2000
"""The maximum of nodes that one look at a request triggers again; the others are triggered when they ask."""

Ending = Callable[[str, str, str, str], Update]
"""Makes the write that ends a node's update as failed: request id, node id, reason, now."""


@dataclass
class _Tally:
    """The state of a request's nodes. The number of ended ones is known only if no node is ``pending`` or ``unheard``
    (triggered, with its report still expected). ``pending`` and ``silent`` (nodes whose time to report is over) hold no
    more than one look acts on."""

    triggered: int = 0
    failed: int = 0
    updated: int = 0
    unheard: int = 0
    pending: list[NodeUpdate] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Following:
    """The work that follows a look at a request: another look, and nodes to trigger."""

    looks_again: bool = False
    to_tell: AgentWork = field(default_factory=AgentWork)


class Triggering:
    """Every method may be repeated at any point. ``transport`` creates a Transport: only workers connect to
    machines."""

    def __init__(
        self, tables: Tables, clock: Clock, nodes: NodeReader, events: Events, transport: Callable[[], Transport]
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._nodes = nodes
        self._events = events
        self._transport = transport
        self._store = UpdateStore(tables)

    def trigger(self, request_id: str, node_ids: Sequence[str]) -> None:
        """Trigger these nodes, by socket or push. Unreachable ones stay pending until they ask by themselves. Passes on
        the errors of the socket API and of the tables: the caller repeats.
        """
        pending = [row for row in self._store.updates_of(request_id, node_ids) if row.state is NodeState.PENDING]
        nodes = {node.id: node for node in self._nodes.find_many([row.node_id for row in pending])}
        able = [row for row in pending if row.node_id in nodes and nodes[row.node_id].self_update_enabled]
        self._fail(request_id, [row.node_id for row in pending if row not in able], "it does not let itself be updated")
        transport = self._transport()
        woken = set(transport.wake_for_update([row.node_id for row in able]))
        self.note_triggered([(request_id, nodes[node_id]) for node_id in sorted(woken)])
        if transport.can_push:
            not_connected = [row for row in able if row.node_id not in woken and nodes[row.node_id].may_work]
            self._push(transport, not_connected, nodes)

    def note_triggered(self, told: Sequence[tuple[str, Node]]) -> list[str]:
        """Store that these nodes (request id, node) were triggered, with an event each; returns the request ids of
        those that were not triggered before."""
        now = self._clock.now()
        left = list(told)
        while left:
            # The updates come first, so that the index of a failed one is that of its node.
            updates = [_triggered(request_id, node, now) for request_id, node in left]
            events = [self._event(request_id, node) for request_id, node in left]
            try:
                self._tables.commit([*updates, *events], "self_update.triggered")
            except TransactionFailedError as error:
                left = [one for index, one in enumerate(left) if index not in error.failed]
            else:
                break
        return [request_id for request_id, _ in left]

    def replace(self, rows: Sequence[NodeUpdate]) -> None:
        """End these pending updates: their nodes act on a newer request."""
        for row in rows:
            self._fail(row.request_id, [row.node_id], rules.REPLACED)

    def settle(self, request_id: str, *, redrive: bool) -> Following:
        """End the request if no report is expected and no node may yet be found, after its deadline in any case;
        returns the work to queue. With ``redrive``, also nodes that still wait are triggered again: one may have
        connected since, or its cluster may belong to another stack.
        """
        request = self._store.find(request_id)
        if request is None or request.status is RequestStatus.COMPLETED or request.parts:
            return Following()
        now = to_seconds_text(self._clock.now())
        tally = self._count(request_id, now)
        if not tally.pending and not tally.unheard:
            if request.looks_since is None:
                self._complete(request, tally)
            return Following()
        if tally.pending and request.deadline_at <= now:
            late = [row.node_id for row in tally.pending[:FAILED_PER_LOOK]]
            self._fail(request_id, late, "it did not ask before the deadline")
            return Following(looks_again=True)
        if tally.silent:
            self._fail(request_id, tally.silent, "it did not say what became of it", node_store.fail_silent)
            return Following(looks_again=True)
        following = Following()
        for row in tally.pending[:REDRIVEN_PER_MESSAGE] if redrive else ():
            following.to_tell.update(row.cluster_name, request_id, row.node_id)
        return following

    def _push(self, transport: Transport, rows: Sequence[NodeUpdate], nodes: dict[str, Node]) -> None:
        now = self._clock.now()
        unknown = [(row.request_id, nodes[row.node_id]) for row in rows if rules.is_outcome_unknown(row, now)]
        self.note_triggered(unknown)
        claimed = {row.node_id: row.request_id for row in rows if row.attempted_at is None and self._claim(row)}
        outcomes = transport.push_updates([nodes[node_id] for node_id in claimed])
        for node_id, outcome in outcomes.items():
            match outcome:
                case PushOutcome.TAKEN:
                    self.note_triggered([(claimed[node_id], nodes[node_id])])
                case PushOutcome.REFUSED:
                    self._fail(claimed[node_id], [node_id], "it refused")
                case PushOutcome.UNREACHED:
                    write = node_store.undo_push(claimed[node_id], node_id)
                    self._tables.try_write(write, "self_update.unreached")

    def _claim(self, row: NodeUpdate) -> bool:
        """Store that a push starts; False if another worker has started one, or the node no longer needs one."""
        write = node_store.begin_push(row, to_seconds_text(self._clock.now()))
        return self._tables.try_write(write, "self_update.attempted")

    def _fail(
        self, request_id: str, node_ids: Sequence[str], reason: str, write: Ending = node_store.fail_pending
    ) -> None:
        now = to_seconds_text(self._clock.now())
        for node_id in node_ids:
            # Otherwise it has asked or reported by itself meanwhile, or another worker was faster.
            self._tables.try_write(write(request_id, node_id, reason, now), "self_update.failed")

    def _count(self, request_id: str, now: str) -> _Tally:
        tally = _Tally()
        for row in self._store.every_update(request_id):
            match row.state:
                case NodeState.PENDING:
                    tally.pending.append(row)
                case NodeState.FAILED:
                    tally.failed += 1
                case NodeState.TRIGGERED | NodeState.UPDATED:
                    tally.triggered += 1
                    tally.updated += row.state is NodeState.UPDATED
                    if row.report_by is not None:
                        tally.unheard += 1
                        if row.report_by <= now:
                            tally.silent.append(row.node_id)
            if len(tally.pending) == REDRIVEN_PER_MESSAGE or len(tally.silent) == FAILED_PER_LOOK:
                break
        return tally

    def _complete(self, request: SelfUpdateRequest, tally: _Tally) -> None:
        total = tally.triggered + tally.failed
        summary = Summary(total=total, triggered=tally.triggered, failed=tally.failed, updated=tally.updated)
        now = to_seconds_text(self._clock.now())
        # Otherwise another look has ended it.
        self._tables.try_write(store.complete(request, summary, now), "self_update_request.completed")

    def _event(self, request_id: str, node: Node) -> Write:
        row: Item = {**node.model_dump(mode="python")}
        data = {**node_payload(row), "self_update_request_id": request_id}
        return self._events.occurrence(EventType.NODE_UPDATE_TRIGGERED, data)


def _triggered(request_id: str, node: Node, now: datetime) -> Update:
    registration, report_by = rules.registration_of(node), rules.report_by(node, now)
    return node_store.triggered(request_id, node, registration, report_by, to_seconds_text(now))
