"""By how much a change moves the totals that lists show. Pure."""

from collections import Counter

from chalicelib.kit.changes import Change
from chalicelib.kit.counters import total_of
from chalicelib.kit.tables import Item

COUNTED = frozenset(
    {"aliases", "clusters", "enrollment_keys", "nodes", "commands", "executions", "ssh_usernames", "ssh_public_keys"}
)
"""Tables with a total of their own."""

_PARTS = {"nodes": ("status",), "executions": ("status", "command_id")}
"""Attributes of rows that are counted value by value."""


def deltas_of(change: Change) -> Counter[str]:
    """Total -> by how much this change moves it; totals that stay are 0 or left out."""
    deltas: Counter[str] = Counter()
    if change.table in COUNTED:
        deltas.update(totals_of(change.table, change.new))
        deltas.subtract(totals_of(change.table, change.old))
    return deltas


def totals_of(table: str, row: Item | None) -> list[str]:
    """The names of the totals in which a row counts; none for no row and for the tombstone of a deleted command."""
    if row is None or row.get("deleted_at") is not None:
        return []
    return [table, *(total_of(table, attribute, str(row[attribute])) for attribute in _PARTS.get(table, ()))]
