"""`Tails`: an operator's socket and an agent's, and what passes between them.

Nothing of an output is stored. The row of a tail says whose socket may get it; the agent sends only as long as it is
asked again, and the operator has to say once a minute that it still watches.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.fleet.commands.executions import Executions
from chalicelib.fleet.nodes.wiring import Nodes
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.tails import rules, store
from chalicelib.fleet.tails.model import Frame, Opening, Tail
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Secret, digest
from chalicelib.kit.errors import EdgeError, Kind, unauthorized
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Level, Log
from chalicelib.kit.sockets import SocketError, Sockets
from chalicelib.kit.tables import ConditionFailedError, Tables
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.access.standing import StandingPrincipals

TICKET_BYTES = 32


class Tails:
    """``principals`` is asked for when a socket is renewed: it says what its owner may do now."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        nodes: Nodes,
        executions: Executions,
        sockets: Sockets,
        principals: Callable[[], StandingPrincipals],
        log: Log,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._nodes = nodes
        self._executions = executions
        self._sockets = sockets
        self._principals = principals
        self._log = log

    def open(self, execution_id: str, principal: Principal, *, reach: Reach) -> Opening:
        """A ticket to watch an execution, for one socket. Raises `EdgeError` (not found, conflict)."""
        execution = self._executions.get(execution_id, reach=reach).execution
        node, presence = self._nodes.reading.known(execution.node_id)
        rules.check(execution, node, presence)
        ticket = rules.TICKET_PREFIX + self._ids.token_bytes(TICKET_BYTES).hex()
        opens_until, ends_at = rules.times_of(self._clock.now())
        tail = Tail(
            id=digest(ticket),
            execution_id=execution_id,
            node_id=execution.node_id,
            actor=principal.actor,
            opens_until=opens_until,
            ends_at=ends_at,
        )
        self._tables.commit([store.insert(tail)], "tail.opened")
        return Opening(tail, Secret(ticket))

    def connect(self, ticket: str, connection_id: str) -> None:
        """Give a ticket's tail its socket. Raises `EdgeError` (unauthorized) for a ticket that was used or is over."""
        tail = store.find(self._tables, digest(ticket))
        if tail is None:
            raise unauthorized()
        try:
            self._tables.write(store.connect(tail, connection_id, self._now()), "tail.connected")
        except ConditionFailedError as error:
            raise unauthorized() from error

    def renew(self, tail_id: str, connection_id: str) -> bool:
        """The operator at this socket watches: have the agent send for a while, and tell the operator how it stands.
        Returns False if this socket has no such tail, or it is over."""
        tail = store.find(self._tables, tail_id)
        if tail is None or tail.connection_id != connection_id:
            return False
        if reason := self._end_of(tail):
            self._post(connection_id, rules.end(reason))
            self._forget(tail)
            return False
        _, presence = self._nodes.reading.known(tail.node_id)
        agents = None if presence is None else presence.connection_id
        is_asked = agents is not None and self._post(agents, rules.ask(tail, rules.WATCH_SECONDS))
        self._post(connection_id, {"type": "watching", "is_connected": is_asked})
        return True

    def forward(self, connection_id: str, message: Mapping[str, Any]) -> bool:
        """Pass a frame of an agent on to the operator who watches; tell the agent to stop if none does. Returns False
        for a socket that is not an agent's."""
        node_id = self._nodes.connections.node_of(connection_id)
        if node_id is None:
            return False
        frame = rules.frame_of(message)
        if frame is None:
            self._log.line("tail_frame_refused", level=Level.WARNING, node_id=node_id)
        elif not self._passed_on(frame, node_id):
            self._post(connection_id, rules.stop(frame.tail_id))
        return True

    def _passed_on(self, frame: Frame, node_id: str) -> bool:
        tail = store.find(self._tables, frame.tail_id)
        if tail is None or tail.node_id != node_id or tail.connection_id is None:
            return False
        if tail.ends_at <= self._now() or not self._post(tail.connection_id, rules.shown(frame)):
            self._forget(tail)
            return False
        if frame.is_end:
            self._forget(tail)
        return True

    def _end_of(self, tail: Tail) -> str:
        """Why it is over; "" if it is not."""
        if tail.ends_at <= self._now():
            return "time_is_up"
        try:
            execution = self._executions.get(tail.execution_id, reach=EVERYWHERE).execution
            if not rules.may_watch(self._principals().find(tail.actor), execution):
                return "not_allowed"
        except EdgeError as error:
            if error.kind is Kind.NOT_FOUND:
                return "execution_ended"
            if error.kind is Kind.FORBIDDEN:
                return "not_allowed"
            raise
        return "execution_ended" if execution.is_final else ""

    def _forget(self, tail: Tail) -> None:
        self._tables.write(store.remove(tail.id), "tail.ended")

    def _post(self, connection_id: str, frame: Mapping[str, Any]) -> bool:
        """False if the socket is gone. Frames are a hint: one that cannot be sent for another reason is lost."""
        try:
            return self._sockets.post(connection_id, frame)
        except SocketError as error:
            self._log.line("tail_frame_lost", level=Level.WARNING, error=str(error))
            return True

    def _now(self) -> str:
        return to_seconds_text(self._clock.now())
