"""Noting in a row where parts of its work go on in another invocation, a cursor each.

The change stream begins the next message there, and a sweep does, should that be lost: the row is one of those that
`kit.redrive` finds. Lambda stops a chain of messages that a function sends itself after 16 (Lambda developer guide,
"recursive loop detection"); one that leads through a row it does not see.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from chalicelib.kit.changes import Change
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import unavailable
from chalicelib.kit.tables import ConditionFailedError, Equals, Item, Key, Set, Table, Tables, Update

CURSORS = "cursors"
"""The attribute that holds them, by the names of the parts."""

PARKED_FOR = timedelta(seconds=120)
"""When a sweep goes on with work whose next message the change stream did not bring. Longer than an invocation works:
what is merely under way is not begun beside itself."""


def parked_until(now: datetime) -> str:
    """When to look at work again that has just noted where it goes on; seconds text."""
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
    """Note that a part, taken up at ``before``, goes on as ``following`` says: itself from another cursor, or parts of
    it from theirs.

    False where it has been gone on with since, or, as ``is_wanted`` says of the row, is not to be done any more: then
    whoever is at it stops. Raises service_unavailable when others keep changing the row.
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
    """Where parts of a row's work go on, by name."""
    found = (row or {}).get(CURSORS)
    return {name: str(cursor) for name, cursor in found.items()} if isinstance(found, dict) else {}


def moved(change: Change) -> Mapping[str, str]:
    """The cursors that a change of a row noted, by name."""
    before = cursors_of(change.old)
    return {name: cursor for name, cursor in sorted(cursors_of(change.new).items()) if before.get(name) != cursor}
