"""`Transport`: wakes an agent by its socket, otherwise pushes to it, otherwise leaves the work to its next poll. A
failure here loses nothing: the work is in the table, and every reconnect and poll finds it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from chalicelib.fleet.commands.executions import Executions
from chalicelib.fleet.commands.model import WITHOUT_RESULT, Command, Execution, ExecutionView, Status
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.nodes.wiring import Nodes
from chalicelib.fleet.transport.frames import Delivery, frames_of, work_of
from chalicelib.fleet.transport.push import Push, PushAddress, PushOutcome
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.log import Level, Log
from chalicelib.kit.sockets import SocketError, Sockets

_POSTS_AT_ONCE = 8

_PUSHES_AT_ONCE = 20
"""As many as a message has deliveries."""

ReadCommands = Callable[[Sequence[str]], Mapping[str, Command]]
"""Reads the commands of executions, by the ids of these."""

_WITHDRAWN = frozenset({None, *WITHOUT_RESULT})
"""The statuses of an execution (None: it is gone) in which no agent should run it."""


@dataclass(frozen=True)
class Woken:
    """The result of a round of wake-ups: deliveries whose nodes have no socket, and those whose nodes are gone."""

    not_connected: list[Delivery]
    gone: list[Delivery]


class Transport:
    """``push`` is None where the functions cannot reach nodes; ``push_host`` replaces the nodes' own host names.
    ``sends_work``: frames tell agents that take it what to run."""

    def __init__(
        self,
        nodes: Nodes,
        executions: Executions,
        sockets: Sockets,
        log: Log,
        *,
        push: Push | None,
        push_host: str | None,
        vpn_domain: str,
        sends_work: bool = True,
    ) -> None:
        self._nodes = nodes
        self._executions = executions
        self._sockets = sockets
        self._log = log
        self._push = push
        self._push_host = push_host
        self._vpn_domain = vpn_domain
        self._sends_work = sends_work

    def deliver(self, deliveries: Sequence[Delivery], command_ids: Mapping[str, str] | None = None) -> list[str]:
        """Deliver to each node in the best available way; returns the ids of nodes that no longer exist.
        ``command_ids``, by the ids of executions, are those of which agents are told the work. Raises
        `SocketError`, and passes on the tables' errors: the caller repeats, and a second delivery is harmless.
        """
        known = command_ids or {}

        def read(wanted: Sequence[str]) -> Mapping[str, Command]:
            asked = {row_id: known[row_id] for row_id in wanted if row_id in known}
            commands = self._executions.commands_to_run(set(asked.values())) if asked else {}
            return {row_id: commands[one] for row_id, one in asked.items() if one in commands}

        woken = self._wake(deliveries, read)
        if self._push is not None and woken.not_connected:
            self._push_all(woken.not_connected, self._push)
        return [delivery.node_id for delivery in woken.gone]

    def still_waiting(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """These deliveries with the executions alone that no agent has taken yet."""
        waiting = self._executions.pending_among([row_id for each in deliveries for row_id in each.execution_ids])
        left = ((each, [row_id for row_id in each.execution_ids if row_id in waiting]) for each in deliveries)
        return [replace(each, execution_ids=ids) for each, ids in left if ids]

    def hint(self, command: Command, created: Sequence[Execution]) -> None:
        """Wake the connected ones of the nodes of new executions of a command ahead of the stream. Ignores delivery
        errors: the stream's own delivery follows in any case.
        """
        try:
            deliveries = [Delivery(each.node_id, "executions", [each.id]) for each in created]
            self._wake(deliveries, lambda wanted: dict.fromkeys(wanted, command))
        except (SocketError, EdgeError) as error:
            self._log.line("hint_lost", level=Level.WARNING, error_type=type(error).__name__, nodes=len(created))

    @property
    def can_push(self) -> bool:
        """Whether agents are reached over the network at all."""
        return self._push is not None

    def wake_for_update(self, node_ids: Sequence[str]) -> list[str]:
        """Make the connected ones of these nodes check for updates; returns those that got the frame. Raises
        `SocketError`, and passes on the tables' errors: the caller repeats, and a second check is harmless.
        """
        deliveries = [Delivery(node_id, "self_update", []) for node_id in node_ids]
        woken = self._wake(deliveries, _nothing)
        unreached = {delivery.node_id for delivery in (*woken.not_connected, *woken.gone)}
        return [node_id for node_id in node_ids if node_id not in unreached]

    def push_updates(self, nodes: Sequence[Node]) -> dict[str, PushOutcome]:
        """Push to each node once, in parallel; empty if push is disabled."""
        push = self._push
        if push is None or not nodes:
            return {}
        with ThreadPoolExecutor(max_workers=_PUSHES_AT_ONCE) as pool:
            outcomes = pool.map(push.update, [self._address_of(node) for node in nodes])
        return dict(zip([node.id for node in nodes], outcomes, strict=True))

    def close(self, connection_id: str) -> None:
        """End a socket that its node may no longer use."""
        self._sockets.close(connection_id)
        self._nodes.connections.forget(connection_id)

    def _wake(self, deliveries: Sequence[Delivery], read: ReadCommands) -> Woken:
        """Post frames to the connected nodes, side by side. ``read`` is asked for the commands of executions whose
        agents take work."""
        presences = self._nodes.reading.presence_of([delivery.node_id for delivery in deliveries])
        connected: list[tuple[Delivery, str]] = []
        woken = Woken([], [])
        for delivery in deliveries:
            presence = presences.get(delivery.node_id)
            if presence is None:
                woken.gone.append(delivery)
            elif presence.connection_id is None:
                woken.not_connected.append(delivery)
            else:
                connected.append((delivery, presence.connection_id))
        wanted = [
            row_id
            for delivery, _ in connected
            if delivery.kind == "executions" and presences[delivery.node_id].takes_work
            for row_id in delivery.execution_ids
        ]
        commands = read(wanted) if wanted and self._sends_work else {}
        for (delivery, _), posted in zip(connected, self._post_all(connected, commands), strict=True):
            if not posted:
                self._nodes.connections.mark_stale(presences[delivery.node_id])
                woken.not_connected.append(delivery)
        return woken

    def _post_all(self, connected: Sequence[tuple[Delivery, str]], commands: Mapping[str, Command]) -> list[bool]:
        if len(connected) <= 1:
            return [self._post(delivery, connection_id, commands) for delivery, connection_id in connected]
        return list(self._pool.map(lambda pair: self._post(pair[0], pair[1], commands), connected))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=_POSTS_AT_ONCE)

    def _post(self, delivery: Delivery, connection_id: str, commands: Mapping[str, Command]) -> bool:
        return all(self._sockets.post(connection_id, frame) for frame in frames_of(delivery, commands))

    def _push_all(self, deliveries: Sequence[Delivery], push: Push) -> None:
        """Push in parallel: an agent that does not answer delays neither the others nor the message."""
        nodes = {node.id: node for node in self._nodes.reading.find_many([delivery.node_id for delivery in deliveries])}
        known = [delivery for delivery in deliveries if delivery.node_id in nodes and nodes[delivery.node_id].may_work]
        with ThreadPoolExecutor(max_workers=_PUSHES_AT_ONCE) as pool:
            pushed = [
                pool.submit(copy_context().run, self._push_to, nodes[delivery.node_id], delivery, push)
                for delivery in known
            ]
        for outcome in pushed:
            outcome.result()

    def _push_to(self, node: Node, delivery: Delivery, push: Push) -> None:
        """Push each execution once, oldest first; the first failure ends the round, and the agent's poll brings the
        rest."""
        address = self._address_of(node)
        ids = sorted(delivery.execution_ids)
        is_cancel = delivery.kind == "cancel"
        for view in self._executions.details_of(ids) if is_cancel else self._executions.to_push(ids):
            reached = push.cancel(address, view.execution.id) if is_cancel else self._hand_over(address, view, push)
            if not reached:
                return

    def _address_of(self, node: Node) -> PushAddress:
        host = self._push_host or node.vpn_hostname(self._vpn_domain)
        return PushAddress(f"http://{host}:{node.http_port}", self._nodes.vault.open(node).api_token)

    def _hand_over(self, address: PushAddress, view: ExecutionView, push: Push) -> bool:
        """Whether the agent has received it. If it was cancelled meanwhile, the agent is told to cancel it."""
        execution_id = view.execution.id
        if not push.execute(address, _payload(view)):
            return False
        if self._executions.mark_pushed(execution_id) in _WITHDRAWN:
            push.cancel(address, execution_id)
        return True


def _nothing(_wanted: Sequence[str]) -> Mapping[str, Command]:
    return {}


def _payload(view: ExecutionView) -> dict[str, Any]:
    """The request body for an agent's push API."""
    told = work_of(view.execution.id, view.command) if view.command else {"id": view.execution.id}
    return {**told, "node_id": view.execution.node_id, "status": Status.PENDING.value}
