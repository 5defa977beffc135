"""Reads the standing of a machine that presents an enrollment key, for the context `enrollment`."""

from collections.abc import Sequence

from chalicelib.fleet.enrollment.model import Standing
from chalicelib.fleet.nodes import exclusion_store, rules
from chalicelib.fleet.nodes.presence_store import presence_from_item
from chalicelib.fleet.nodes.store import NODES, PRESENCE, node_from_item, node_key
from chalicelib.kit.tables import Item, Ref


class KnownMachines:
    """See `enrollment.model.Machines`."""

    def refs(self, node_id: str) -> Sequence[Ref]:
        """The references of the node, its presence and its exclusion."""
        return [Ref(NODES, node_key(node_id)), Ref(PRESENCE, node_key(node_id)), exclusion_store.ref(node_id)]

    def standing(self, rows: Sequence[Item | None]) -> Standing:
        """The standing of a node from the three rows of `refs`."""
        node_row, presence_row, exclusion_row = rows
        node = None if node_row is None else node_from_item(node_row)
        presence = None if presence_row is None else presence_from_item(presence_row)
        found = exclusion_store.from_item(exclusion_row)
        return Standing(
            is_blocked=found is not None and found.blocked_at is not None,
            refuses=lambda key_id: found is not None and found.refuses(key_id),
            unused_key_id=node.enrollment_key_id
            if node is not None and rules.was_answer_lost(node, presence)
            else None,
        )
