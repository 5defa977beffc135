"""Computes what DynamoDB bills: item sizes, read and write units (DynamoDB developer guide, "item sizes and formats",
"read and write operations", "global secondary indexes: provisioned throughput considerations")."""

from functools import cache
from math import ceil
from typing import Any

from chalicelib.kit.tables import Index, Item, Table, Value

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024


class Stored(dict[str, Value]):
    """A row, or an entry of an index, as it is kept. Nothing changes it: the sizes of its attributes, the entries of a
    row by index, and its image in change records are made once. The row after it shares what stays the same."""

    __slots__ = ("entries", "image", "nested", "size_bytes", "sizes")

    def __init__(self, item: Item, sizes: dict[str, int]) -> None:
        super().__init__(item)
        self.sizes = sizes
        self.size_bytes = sum(sizes.values())
        self.entries: dict[str, Stored | None] = {}
        self.image: Any = None
        self.nested = [name for name, value in item.items() if isinstance(value, dict | list)]


_NOTHING = Stored({}, {})


def stored(table: Table, item: Item, before: Stored | None = None) -> Stored:
    """A row of a table, with its entries. ``before`` is the row that it comes from."""
    old = _NOTHING if before is None else before
    sizes = {
        name: old.sizes[name] if value is old.get(name) else len(name.encode()) + value_bytes(value)
        for name, value in item.items()
    }
    row = Stored(item, sizes)
    changed = {name for name, value in item.items() if value is not old.get(name)}.union(old.keys() - item.keys())
    for index in table.indexes:
        if index.name in old.entries and changed.isdisjoint(_every_name(table, index)):
            row.entries[index.name] = old.entries[index.name]
        else:
            names = _entry_names(table, index, item)
            shown = {name: item[name] for name in names if name in item}
            row.entries[index.name] = Stored(shown, {name: sizes[name] for name in shown}) if names else None
    return row


def _attribute_bytes(attribute: tuple[str, Value]) -> int:
    return len(attribute[0].encode()) + value_bytes(attribute[1])


def value_bytes(value: Value) -> int:
    match value:
        case str():
            return len(value) if value.isascii() else len(value.encode())
        case bool() | None:
            return 1
        case bytes():
            return len(value)
        case int():
            digits = len(str(abs(value)).strip("0"))
            return ceil(digits / 2) + 1 + (value < 0)
        case frozenset():
            return sum(value_bytes(part) for part in value)
        case list():
            return 3 + sum(1 + value_bytes(part) for part in value)
        case dict():
            return 3 + len(value) + sum(map(_attribute_bytes, value.items()))


def item_bytes(item: Item | None) -> int:
    return item.size_bytes if isinstance(item, Stored) else sum(map(_attribute_bytes, (item or {}).items()))


def read_units(size_bytes: int, *, consistent: bool) -> float:
    """At least one unit, also for nothing found; half of it when eventually consistent."""
    return max(1, ceil(size_bytes / READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)


def write_units(old: Item | None, new: Item | None) -> float:
    """The larger of the images counts; one unit at least."""
    return float(max(1, ceil(max(item_bytes(old), item_bytes(new)) / WRITE_UNIT_BYTES)))


def project(table: Table, index: Index, item: Item | None) -> Item | None:
    """The entry of a row in an index; None when it lacks a key attribute (a sparse index)."""
    if item is None:
        return None
    row = item if isinstance(item, Stored) and index.name in item.entries else stored(table, item)
    return row.entries[index.name]


def _entry_names(table: Table, index: Index, item: Item) -> tuple[str, ...]:
    """The attributes of a row's entry in an index; none when it lacks one of the keys."""
    if index.partition not in item or (index.sort is not None and index.sort not in item):
        return ()
    return _every_name(table, index)


def _every_name(table: Table, index: Index) -> tuple[str, ...]:
    return _names_of(table.partition, table.sort, index.partition, index.sort, index.projected)


@cache
def _names_of(*names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    every = [one for name in names if name for one in ((name,) if isinstance(name, str) else name)]
    return tuple(dict.fromkeys(every))


def index_write_units(table: Table, index: Index, old: Item | None, new: Item | None) -> float:
    """Nothing if the entry stays as it is, two writes if its key moves, else one."""
    before, after = project(table, index, old), project(table, index, new)
    if before is after or before == after:
        return 0.0
    keys = (index.partition, index.sort or index.partition)
    if before is not None and after is not None and any(before[name] != after[name] for name in keys):
        return write_units(before, None) + write_units(None, after)
    return write_units(before, after)
