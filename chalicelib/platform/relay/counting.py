"""By how much a change moves the totals that lists and metrics show. Pure."""

import json
from collections import Counter
from collections.abc import Mapping

from chalicelib.fleet.commands.model import FINAL
from chalicelib.kit.changes import Change
from chalicelib.kit.counters import event_counter, total_of
from chalicelib.kit.tables import Item

COUNTED = frozenset(
    {
        "aliases",
        "clusters",
        "commands",
        "enrollment_keys",
        "executions",
        "nodes",
        "self_update_requests",
        "ssh_public_keys",
        "ssh_usernames",
        "webhooks",
    }
)
"""Tables with a total of their own."""

_PARTS: Mapping[str, Mapping[str, str]] = {
    "aliases": {"cluster_name": "cluster_name"},
    "enrollment_keys": {"cluster_name": "cluster_name"},
    "nodes": {"status": "status", "cluster_name": "cluster_name"},
    "executions": {"status": "status", "command_id": "command_id", "cluster_name": "node_cluster_name"},
}
"""What is counted value by value: the filter of the list, and the attribute of rows that it looks at."""


_HAPPENINGS = {
    "executions": frozenset(
        {
            "execution.sent",
            "execution.completed",
            "execution.reported_cancelled",
            "execution.reported_expired",
            "execution.cancelled",
            "execution.expired",
            "execution.pruned",
        }
    ),
    "self_update_requests": frozenset({"self_update_request.completed"}),
}
"""Operations that metrics count, by the table whose rows they write."""

FAILURE = "failure"
"""What the ``result`` of an occurrence says where something was refused: counted beside all of its type."""


def happenings_of(change: Change) -> list[str]:
    """The totals of what happened with this change. Raises ValueError for an occurrence without data."""
    if change.new is None:
        return []
    if change.table == "occurrences":
        return _of_occurrence(change.new) if change.old is None else []
    return [event_counter(change.operation)] if change.operation in _HAPPENINGS.get(change.table, ()) else []


def _of_occurrence(row: Item) -> list[str]:
    kind, data = str(row["type"]), json.loads(str(row["data"]))
    failed = data.get("result") == FAILURE
    return [event_counter(kind), event_counter(f"{kind}.{FAILURE}")] if failed else [event_counter(kind)]


def deltas_of(change: Change) -> Counter[str]:
    """Total -> by how much this change moves it; totals that stay are 0 or left out."""
    deltas: Counter[str] = Counter()
    if change.table in COUNTED:
        deltas.update(totals_of(change.table, change.new))
        deltas.subtract(totals_of(change.table, change.old))
    return deltas


def end_of(change: Change) -> tuple[str, str] | None:
    """The total of a command's executions and the time at which one of them ended with this change; None for any other
    change."""
    row = change.new
    if change.table != "executions" or row is None or row["status"] not in FINAL:
        return None
    if change.old is not None and change.old["status"] == row["status"]:
        return None
    return total_of(change.table, "command_id", str(row["command_id"])), str(row["updated_at"])


def totals_of(table: str, row: Item | None) -> list[str]:
    """The names of the totals in which a row counts; none for no row and for the tombstone of a deleted command.

    Raises KeyError for a row without an attribute that its table is counted by: every row that we write has it.
    """
    if row is None or row.get("deleted_at") is not None:
        return []
    parts = _PARTS.get(table, {}).items()
    return [table, *(total_of(table, name, str(row[attribute])) for name, attribute in parts)]
