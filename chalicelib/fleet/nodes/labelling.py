"""`Labelling`: operators set labels of nodes."""

from collections.abc import Mapping
from contextlib import suppress

from chalicelib.fleet import labels
from chalicelib.fleet.nodes import presence_store, store, term_store
from chalicelib.fleet.nodes.model import NodeView
from chalicelib.fleet.reach import Reach, reached
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.tables import Tables, TransactionFailedError


class Labelling:
    """Sets an operator's labels, which go before those of key and agent."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def change(self, node_id: str, given: Mapping[str, str | None], *, reach: Reach) -> NodeView:
        """Set labels, and take those off whose value is None. Raises `EdgeError` (not found, validation failed), and
        (service unavailable) if the row stays contended."""
        labels.check(given)
        for _ in self._tables.tries():
            node, presence = presence_store.read_both(self._tables, node_id)
            node = reached(node, reach)
            changed = labels.changed(node.operator_labels, given, {**node.agent_labels, **node.key_labels})
            if changed == node.operator_labels:
                return NodeView(node, presence)
            now = to_seconds_text(self._clock.now())
            after = node.model_copy(update={"operator_labels": changed, "updated_at": now})
            writes = [store.set_operator_labels(node, changed, now), *term_store.changed(node, after)]
            with suppress(TransactionFailedError):
                self._tables.commit(writes, "node.labelled")
                return NodeView(after, presence)
        raise unavailable()
