"""Writes shared by the fan-outs of commands and of self-updates: rows while a fan-out is open, and removal of parts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from chalicelib.kit.tables import (
    TRANSACTION_LIMIT,
    Absent,
    And,
    Change,
    Check,
    Condition,
    Equals,
    Exists,
    Key,
    Or,
    Put,
    Set,
    Table,
    Tables,
    TransactionFailedError,
    Value,
)

CHUNK = TRANSACTION_LIMIT - 1
"""Rows in one transaction: one place is for the check that the fan-out is still open."""

Row = TypeVar("Row")


class FanOutRow(Protocol):
    """The row of a fan-out. While ``parts`` are left, rows are being created; afterwards the parts in ``looks`` are
    searched for nodes that an index hid. ``cursors`` tell where each continues."""

    @property
    def parts(self) -> frozenset[str]: ...
    @property
    def looks(self) -> frozenset[str]: ...
    @property
    def cursors(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class PartsLeft:
    """A fan-out after some parts were finished: its ``parts`` and ``looks``, and the ``changes`` that write them."""

    parts: frozenset[str]
    looks: frozenset[str]
    changes: tuple[Change, ...]


def without_parts(row: FanOutRow, finished: Collection[str], to_look_at: Collection[str]) -> PartsLeft:
    """Take finished parts off a fan-out; those of them in ``to_look_at`` are searched again later."""
    parts = row.parts.difference(finished)
    looks = row.looks | row.parts.intersection(finished).intersection(to_look_at)
    cursors: dict[str, Value] = {name: cursor for name, cursor in row.cursors.items() if name in parts}
    changes = (Set("parts", parts or None), Set("looks", looks or None), Set("cursors", cursors or None))
    return PartsLeft(parts, looks, changes)


def put_missing(
    tables: Tables,
    fan_out: tuple[Table, Key],
    rows: Sequence[Row],
    put: Callable[[Row], Put],
    operation: str,
    version: int | None = None,
) -> list[Row] | None:
    """Put the rows that do not exist, in one transaction and only while the fan-out is open (parts or looks are left):
    as long as it has this ``version``, or for a worker that gives none, until a node is spared in it.

    ``put`` makes the write of a row, which fails if the row exists. At most `CHUNK` rows. Returns those that were put;
    None if the fan-out is not open any more: a stalled worker creates nothing after its end.
    """
    table, key = fan_out
    as_read: Condition = Absent("spared") if version is None else Equals("version", version)
    guard = Check(table, key, And(Or(Exists("parts"), Exists("looks_since")), as_read))
    missing = list(rows)
    while missing:
        try:
            tables.commit([guard, *map(put, missing)], operation)
        except TransactionFailedError as error:
            if 0 in error.failed:
                return None
            missing = [row for position, row in enumerate(missing, start=1) if position not in error.failed]
        else:
            break
    return missing
