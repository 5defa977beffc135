"""Writes as data: the parts of a conditional write or a transaction."""

from dataclasses import dataclass, field

from chalicelib.kit.tables.conditions import Absent, Change, Condition
from chalicelib.kit.tables.schema import Item, Key, Table


@dataclass(frozen=True)
class Put:
    """Store a whole row. Attributes that are None are left out. ``operation`` names the change where a transaction does
    something else beside it; "": it is that of the transaction."""

    table: Table
    item: Item
    condition: Condition | None = None
    operation: str = field(default="", kw_only=True)

    @property
    def key(self) -> Key:
        return self.table.key_of(self.item)


@dataclass(frozen=True)
class Update:
    """Change attributes of a row; creates the row if nothing in ``condition`` forbids it."""

    table: Table
    key: Key
    changes: tuple[Change, ...]
    condition: Condition | None = None


@dataclass(frozen=True)
class Delete:
    """Remove a row. With ``was_read``, a missing row counts as success: the caller has read the row in this request.
    ``row`` holds the attributes of the table's thing that are not in the key."""

    table: Table
    key: Key
    condition: Condition | None = None
    was_read: bool = field(default=False, kw_only=True)
    row: Item = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class Check:
    """A condition on a row that the transaction does not write."""

    table: Table
    key: Key
    condition: Condition


Write = Put | Update | Delete | Check


def put_new(table: Table, item: Item) -> Put:
    """A put that fails if a row with that key exists."""
    return Put(table, item, Absent(table.partition))
