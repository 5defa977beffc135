"""Tracks the WebSockets of agents: the node of each socket, and the current socket of each node."""

from datetime import timedelta

from chalicelib.fleet.nodes import instances, presence_store, store
from chalicelib.fleet.nodes.health import Health
from chalicelib.fleet.nodes.identity import Identity, conflicting
from chalicelib.fleet.nodes.model import Agent, Connection, Node, Presence, Status
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import conflict
from chalicelib.kit.ids import to_milliseconds
from chalicelib.kit.tables import ConditionFailedError, Tables, TransactionFailedError, Write

HANDSHAKE = timedelta(seconds=30)
"""The longest time from `$connect` until the socket accepts posts: API Gateway waits 29 s for `$connect`, whose first
write already stores the connection. Clearing it during that time would leave the agent waiting at an unknown socket."""


class Connections:
    """Keeps a row for every open socket, and in each node's presence the newest one."""

    def __init__(self, tables: Tables, clock: Clock, health: Health, limits: HealthLimits, identity: Identity) -> None:
        self._identity = identity
        self._tables = tables
        self._clock = clock
        self._health = health
        self._limits = limits

    def connected(
        self, bearer: str | None, connection_id: str, connected_at_ms: int, instance_id: str | None = None
    ) -> None:
        """Store the socket that the agent with this token opened: it counts as a sign of life, and wake-ups go there
        from now on. Raises `EdgeError` (unauthorized, forbidden) as `Identity.authenticate`, and (conflict) if the node
        has opened a newer socket, or if two machines use its identity.
        """
        for _ in self._tables.tries():
            agent = self._identity.authenticate(bearer, instance_id)
            if instances.look_at(agent.presence, instance_id, self._clock.now()).is_conflict:
                agent = self._identity.note_conflict(agent)
            if agent.node.identity_conflict_at is not None:
                raise conflicting()
            operation = "node.became_healthy" if agent.node.status is Status.UNREACHABLE else "connection.opened"
            try:
                self._tables.commit(self._opening(agent, connection_id, connected_at_ms), operation)
            except TransactionFailedError as error:
                if _NODE_INDEX not in error.failed:
                    break
            else:
                return
        raise conflict("a newer connection exists")

    def disconnected(self, connection_id: str) -> None:
        """Handle the end of a socket. A late or repeated call does not affect a newer socket."""
        connection = presence_store.read_connection(self._tables, connection_id)
        if connection is not None:
            self._clear(connection.node_id, connection_id)

    def on_frame(self, connection_id: str) -> Node | None:
        """Handle a frame: returns the node, and counts it as a sign of life, if the socket is its current one."""
        connection = presence_store.read_connection(self._tables, connection_id)
        if connection is None:
            return None
        node, presence = presence_store.read_both(self._tables, connection.node_id)
        if node is None or presence is None or presence.connection_id != connection_id:
            return None
        self._health.touch(Agent(node, presence))
        return node

    def node_of(self, connection_id: str) -> str | None:
        """The id of the node that opened this socket; None if no node did, or it is closed."""
        connection = presence_store.read_connection(self._tables, connection_id)
        return None if connection is None else connection.node_id

    def mark_stale(self, presence: Presence) -> None:
        """The management API said 410 for this connection. Ignored during the handshake, when posting always fails and
        after which the agent fetches what it missed; later the connection is cleared."""
        if presence.connection_id is None or presence.connected_at_ms is None:
            return
        if to_milliseconds(self._clock.now() - HANDSHAKE) >= presence.connected_at_ms:
            self._clear(presence.id, presence.connection_id)

    def _clear(self, node_id: str, connection_id: str) -> None:
        """Clear this socket, so that it gets no more wake-ups. A newer one stays."""
        now = to_seconds_text(self._clock.now())
        try:
            self._tables.write(presence_store.note_disconnected(node_id, connection_id, now), "connection.closed")
        except ConditionFailedError as error:
            if error.current is not None and error.current.get("connection_id") == connection_id:
                self._clear_of_unreachable(node_id, connection_id)
        self.forget(connection_id)

    def forget(self, connection_id: str) -> None:
        """Delete the row of a closed socket."""
        self._tables.write(presence_store.close_connection(connection_id), "connection.forgotten")

    def connection_of_deleted(self, node_id: str) -> str | None:
        """The socket that a deleted node left open; None if there is none, or the node has enrolled again."""
        node, presence = presence_store.read_both(self._tables, node_id)
        return None if node is not None or presence is None else presence.connection_id

    def forget_deleted(self, node_id: str) -> None:
        """Delete the remaining rows of a deleted node, unless it has enrolled again."""
        try:
            self._tables.commit(presence_store.forget(node_id), "presence.forgotten")
        except TransactionFailedError:
            return  # its only condition: the node has enrolled again, and this is its presence

    def _opening(self, agent: Agent, connection_id: str, connected_at_ms: int) -> list[Write]:
        now = self._clock.now()
        text = to_seconds_text(now)
        expires = now + timedelta(seconds=presence_store.CONNECTION_SECONDS)
        node_write: Write = presence_store.same_registration(agent.node)
        if agent.node.status is Status.UNREACHABLE:
            node_write = store.set_status(agent.node, Status.HEALTHY, text)
        due = self._limits.due_after(now, connected=True)
        return [
            node_write,
            presence_store.note_connected(agent, connection_id, connected_at_ms, text, due),
            presence_store.open_connection(Connection(connection_id, agent.node.id), int(expires.timestamp())),
        ]

    def _clear_of_unreachable(self, node_id: str, connection_id: str) -> None:
        try:
            write = presence_store.note_disconnected_unreachable(node_id, connection_id)
            self._tables.write(write, "connection.closed")
        except ConditionFailedError as error:
            if error.current is not None and error.current.get("connection_id") == connection_id:
                raise


_NODE_INDEX = 0
"""The index of the node's write in the transaction of a new socket."""
