"""Asking a connected agent for its metrics, and waiting a moment for its push."""

from collections.abc import Callable, Collection, Mapping

from chalicelib.fleet.metrics.model import Metrics
from chalicelib.fleet.metrics.store import K, MetricsStore
from chalicelib.fleet.nodes.connecting import Connections
from chalicelib.fleet.nodes.model import Presence
from chalicelib.kit.clock import Clock
from chalicelib.kit.log import Level, Log
from chalicelib.kit.sockets import SocketError, Sockets

PAUSES_SECONDS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.25)
"""Between two looks at the cache: five seconds in all, and six reads of one row or two."""


class Waker:
    """``sockets`` is asked for when a frame is to be sent: few requests send one."""

    def __init__(
        self, store: MetricsStore, connections: Connections, sockets: Callable[[], Sockets], clock: Clock, log: Log
    ) -> None:
        self._store = store
        self._connections = connections
        self._sockets = sockets
        self._clock = clock
        self._log = log

    def ask(self, presence: Presence, types: Collection[K], known: Mapping[K, Metrics]) -> dict[K, Metrics]:
        """Wake the agent and return the metrics of these types that are newer than ``known``; empty if no socket is
        open or no answer comes."""
        return self.wait_for(presence.id, types, known) if self._posted(presence, types) else {}

    def wait_for(self, node_id: str, types: Collection[K], known: Mapping[K, Metrics]) -> dict[K, Metrics]:
        """The metrics of these types that become newer than ``known`` within all `PAUSES_SECONDS`."""
        came: dict[K, Metrics] = {}
        before = {each: _stamp(known.get(each)) for each in types}
        for pause in PAUSES_SECONDS:
            self._clock.sleep(pause)
            found = self._store.find(node_id, [each for each in before if each not in came])
            came |= {each: metrics for each, metrics in found.items() if _stamp(metrics) != before[each]}
            if len(came) == len(before):
                break
        return came

    def _posted(self, presence: Presence, types: Collection[K]) -> bool:
        if presence.connection_id is None:
            return False
        frame = {"type": "metrics", "metrics_types": [each.value for each in types]}
        try:
            is_open = self._sockets().post(presence.connection_id, frame)
        except SocketError as error:
            self._log.line("wake_up_lost", level=Level.WARNING, error_type=type(error).__name__, node_id=presence.id)
            return False
        if not is_open:
            self._connections.mark_stale(presence)
        return is_open


def _stamp(metrics: Metrics | None) -> tuple[str, int] | None:
    """Tells one push from the next, also within a second."""
    return None if metrics is None else (metrics.updated_at, metrics.version)
