"""By how much a change moves the totals that lists show. Pure."""

from collections import Counter

from chalicelib.kit.changes import Change
from chalicelib.kit.tables import Item

COUNTED = frozenset({"clusters", "enrollment_keys", "nodes", "commands", "executions"})
"""Tables with a total of their own."""

_BY_STATUS = frozenset({"nodes", "executions"})


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
    totals = [table]
    if table in _BY_STATUS:
        totals.append(f"{table}#status#{row['status']!s}")
    if table == "executions":
        totals.append(f"{table}#command#{row['command_id']!s}")
    return totals
