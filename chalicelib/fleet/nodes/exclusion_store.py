"""Rows of machines that may not be nodes: deleted and blocked ones.

One row per machine, by its node id. It outlives the node and never expires, as enrollment keys without a limit do not
expire either. A row has about 200 bytes; a million deleted nodes cost a few cents a month.
"""

from datetime import datetime

from chalicelib.fleet.nodes.model import Exclusion
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import to_milliseconds
from chalicelib.kit.tables import (
    Absent,
    Check,
    Delete,
    Equals,
    Exists,
    Item,
    Ref,
    Set,
    SetIfAbsent,
    Table,
    Tables,
    Thing,
    Update,
)

EXCLUSIONS = Table("node_exclusions", partition="id", thing=Thing("node"))


def ref(node_id: str) -> Ref:
    """The reference to a machine's row, to read it with other rows."""
    return Ref(EXCLUSIONS, {"id": node_id})


def from_item(item: Item | None) -> Exclusion | None:
    return None if item is None else Exclusion.model_validate(item)


def read(tables: Tables, node_id: str) -> Exclusion | None:
    """The exclusion of a machine, in one call; None for a machine that was neither deleted nor blocked."""
    return from_item(tables.get(*ref(node_id)))


def is_removed(tables: Tables, node_id: str) -> bool:
    """Whether there was a node of this id that was deleted; one call."""
    found = read(tables, node_id)
    return found is not None and found.removed_at_ms is not None


def unchanged(node_id: str, found: Exclusion | None) -> Check:
    """The check, for a transaction, that the machine's row is still ``found``; None: that there is still no row."""
    table, key = ref(node_id)
    return Check(table, key, Absent("id") if found is None else Equals("version", found.version))


def note_removed(node_id: str, now: datetime) -> Update:
    """The write for the transaction that deletes the node."""
    table, key = ref(node_id)
    return Update(table, key, (Set("removed_at_ms", to_milliseconds(now)),))


def note_blocked(node_id: str, now: datetime) -> Update:
    """Block the machine; a repeat keeps the first time."""
    table, key = ref(node_id)
    return Update(table, key, (SetIfAbsent("blocked_at", to_seconds_text(now)),))


def lift(node_id: str) -> Delete:
    """Remove deletion and block; fails if another has done it."""
    table, key = ref(node_id)
    return Delete(table, key, Exists("id"))
