"""Blocks machines, and lifts blocks and deletions."""

from dataclasses import dataclass

from chalicelib.fleet.nodes import exclusion_store, presence_store, shut_out_store, store
from chalicelib.fleet.nodes.model import Exclusion, Node
from chalicelib.fleet.reach import Reach, reached
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import moment_of_milliseconds
from chalicelib.kit.tables import Tables, Write


@dataclass(frozen=True)
class Admission:
    """Whether a machine may be a node. ``is_node``: it is one now. Times are seconds text; None if it was not deleted
    or blocked."""

    node_id: str
    is_node: bool
    blocked_at: str | None
    removed_at: str | None


class Excluding:
    """Blocks machines by their node id, whether they are nodes or not, and lifts blocks and deletions. Callers with
    a restricted reach can address nodes only: other machines do not belong to a cluster."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def block(self, node_id: str, *, reach: Reach) -> Admission:
        """Block a machine: from now on all its calls are refused, and it cannot enrol. Its node stays, and its socket
        is closed. Idempotent. Raises `EdgeError` (not found), and (service unavailable) if the row stays contended."""
        for _ in self._tables.tries():
            node, presence, found = presence_store.read_known(self._tables, node_id)
            _check_reach(node, reach)
            blocked_at = None if found is None else found.blocked_at
            now = self._clock.now()
            if blocked_at is None or (node is not None and node.blocked_at is None):
                text = to_seconds_text(now)
                writes: list[Write] = [exclusion_store.note_blocked(node_id, now)]
                if node is None:
                    writes.append(store.not_there(node_id))
                else:
                    writes.append(shut_out_store.block(node, presence, text))
                if node is not None and presence is not None:
                    writes.append(presence_store.shut_out(presence))
                admission = Admission(node_id, node is not None, blocked_at or text, _removed_at(found))
                if not is_committed(self._tables, writes, "node.blocked", result=admission):
                    continue
                return admission
            return Admission(node_id, node is not None, blocked_at, _removed_at(found))
        raise unavailable()

    def unblock(self, node_id: str, *, reach: Reach) -> Admission:
        """Remove the exclusion of a machine that was blocked or deleted, or whose identity two machines used: its
        token, or any key of its cluster, is accepted again. Succeeds without an exclusion. Raises `EdgeError` (not
        found), and (service unavailable) if the row stays contended."""
        for _ in self._tables.tries():
            node, _, found = presence_store.read_known(self._tables, node_id)
            _check_reach(node, reach)
            writes: list[Write] = [exclusion_store.lift(node_id)] if found is not None else []
            if node is not None and not node.may_work:
                writes.append(shut_out_store.unblock(node, to_seconds_text(self._clock.now())))
                writes.append(presence_store.forget_instances(node_id))
            admission = Admission(node_id, node is not None, None, None)
            if not writes or is_committed(self._tables, writes, "node.unblocked", result=admission):
                return admission
        raise unavailable()


def _check_reach(node: Node | None, reach: Reach) -> None:
    if not reach.is_everywhere:
        reached(node, reach)


def _removed_at(found: Exclusion | None) -> str | None:
    if found is None or found.removed_at_ms is None:
        return None
    return to_seconds_text(moment_of_milliseconds(found.removed_at_ms))
