"""Stores in a row the cursors from which the parts of its work continue in another invocation.

The change stream sends the next message; if that is lost, a sweep does (`kit.redrive` finds the row). Lambda stops a
function that sends itself more than 16 messages in a chain (Lambda developer guide, "recursive loop detection"); it
does not detect a chain through a row.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from chalicelib.kit.changes import Change
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.tables import ConditionFailedError, Equals, Item, Key, Set, Table, Tables, Update

CURSORS = "cursors"
"""The attribute with the cursors, by the names of the parts."""

PARKED_FOR = timedelta(seconds=120)
"""The time after which a sweep resumes work whose next message was lost. Longer than an invocation, so that work in
progress is not started twice."""


def parked_until(now: datetime) -> str:
    """When a sweep should look at work that was parked now; seconds text."""
    return to_seconds_text(now + PARKED_FOR)


def park(
    tables: Tables,
    table: Table,
    key: Key,
    name: str,
    before: str | None,
    following: Mapping[str, str],
    *,
    is_wanted: Callable[[Item], bool],
    now: datetime,
    operation: str,
) -> bool:
    """Replace the cursor ``before`` of a part by ``following``: the part's next cursor, or those of several parts.

    Returns False if the cursor has changed since, or ``is_wanted`` says that the row needs no more work: then the
    caller stops. Raises `EdgeError` (service unavailable) if the row stays contended.
    """
    row = tables.get(table, key)
    for _ in tables.tries():
        if row is None or not is_wanted(row):
            return False
        cursors = cursors_of(row)
        if cursors.get(name) != before:
            return False
        others = {other: cursor for other, cursor in cursors.items() if other != name}
        changes = (
            Set(CURSORS, {**others, **following}),
            Set("sweeps", 0),
            Set("due_at", parked_until(now)),
        )
        try:
            tables.write(Update(table, key, changes, Equals("version", row["version"])), operation)
        except ConditionFailedError as error:
            row = error.current
        else:
            return True
    raise unavailable()


def cursors_of(row: Item | None) -> Mapping[str, str]:
    """The cursors of a row's work, by the names of the parts."""
    found = (row or {}).get(CURSORS)
    return {name: str(cursor) for name, cursor in found.items()} if isinstance(found, dict) else {}


def moved(change: Change) -> Mapping[str, str]:
    """The cursors that a change of a row has set, by name."""
    before = cursors_of(change.old)
    return {name: cursor for name, cursor in sorted(cursors_of(change.new).items()) if before.get(name) != cursor}
