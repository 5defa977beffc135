"""A table or an index as DynamoDB keeps it: partitions, each in the order of its sort key."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import Any

from chalicelib.kit.tables import BeginsWith, Between, Exactly, Index, Item, Key, KeyRange, Query, RefusedError, Table
from tests.support.fakes.dynamo_sizes import Stored

PrimaryKey = tuple[Any, ...]
_Entry = tuple[Any, PrimaryKey]


def copy_of(item: Item) -> Item:
    """A copy that shares nothing mutable and leaves out None, as the wire does."""
    if isinstance(item, Stored):
        copy: Item = dict(item)
        for name in item.nested:
            copy[name] = copy_of_value(item[name])
        return copy
    return {name: copy_of_value(value) for name, value in item.items() if value is not None}


def copy_of_value(value: Any) -> Any:
    """The same of one value."""
    match value:
        case dict():
            return copy_of(value)
        case list():
            return [copy_of_value(part) for part in value]
        case _:
            return value


class View:
    """Entries by partition, sorted by sort key, then by primary key. Holds no copies: its user copies."""

    def __init__(self, partition: str, sort: str | None) -> None:
        self.partition = partition
        self.sort = sort
        self._order: dict[Any, list[_Entry]] = {}
        self._items: dict[Any, dict[PrimaryKey, Item]] = {}

    def __deepcopy__(self, _memo: Any) -> "View":
        """Another view of the same rows, which nothing changes."""
        twin = View(self.partition, self.sort)
        twin._order = {partition: [*entries] for partition, entries in self._order.items()}
        twin._items = {partition: {**items} for partition, items in self._items.items()}
        return twin

    def get(self, partition: Any, key: PrimaryKey) -> Item | None:
        items = self._items.get(partition)
        return None if items is None else items.get(key)

    def each(self) -> Iterable[Item]:
        """In no order."""
        return (item for items in self._items.values() for item in items.values())

    def put(self, partition: Any, key: PrimaryKey, item: Item | None) -> None:
        """Make this the entry of the row with this primary key in a partition; None takes it out."""
        items = self._items.setdefault(partition, {})
        old = items.get(key)
        if old is item:
            return
        entries = self._order.setdefault(partition, [])
        if old is not None:
            del items[key]
            del entries[bisect_left(entries, self._entry(key, old))]
        if item is not None:
            items[key] = item
            insort(entries, self._entry(key, item))

    def select(
        self,
        partition: Any,
        sort: KeyRange | None,
        start: tuple[PrimaryKey, Key] | None,
        *,
        descending: bool,
        most: int | None = None,
    ) -> list[Item]:
        """The partition's entries within the range and after the start, in the order asked for, the first ``most``."""
        entries = self._order.get(partition, [])
        low, high = self._bounds(entries, sort)
        if start is not None:
            entry = self._start_entry(partition, sort, *start)
            if descending:
                high = min(high, bisect_left(entries, entry))
            else:
                low = max(low, bisect_right(entries, entry))
        if most is not None:
            low, high = (max(low, high - most), high) if descending else (low, min(high, low + most))
        items = self._items.get(partition, {})
        chosen = [items[key] for _, key in entries[low:high]] if low < high else []
        return chosen[::-1] if descending else chosen

    def _entry(self, key: PrimaryKey, item: Item | Key) -> _Entry:
        return (item[self.sort] if self.sort else "", key)

    def _bounds(self, entries: list[_Entry], sort: KeyRange | None) -> tuple[int, int]:
        if sort is not None and self.sort is None:
            raise RefusedError("a key range needs a sort key")
        match sort:
            case None:
                return 0, len(entries)
            case Exactly(value):
                return _left(entries, value), _right(entries, value)
            case Between(low, high):
                if low > high:  # type: ignore[operator]
                    raise RefusedError("BETWEEN with the low end above the high one")
                return _left(entries, low), _right(entries, high)
            case BeginsWith(prefix):
                return (
                    bisect_left(entries, prefix, key=lambda entry: entry[0][: len(prefix)]),
                    bisect_right(entries, prefix, key=lambda entry: entry[0][: len(prefix)]),
                )

    def _start_entry(self, partition: Any, sort: KeyRange | None, key: PrimaryKey, start: Key) -> _Entry:
        if start.get(self.partition) != partition or (self.sort and self.sort not in start):
            raise RefusedError("the provided starting key is invalid")
        entry = self._entry(key, start)
        if sort is not None and not _within(sort, entry[0]):
            raise RefusedError("the provided starting key is outside query boundaries")
        return entry


def _left(entries: list[_Entry], value: Any) -> int:
    return bisect_left(entries, value, key=lambda entry: entry[0])


def _right(entries: list[_Entry], value: Any) -> int:
    return bisect_right(entries, value, key=lambda entry: entry[0])


def _within(sort: KeyRange, value: Any) -> bool:
    match sort:
        case Exactly(exact):
            return bool(value == exact)
        case Between(low, high):
            return bool(low <= value <= high)
        case BeginsWith(prefix):
            return bool(value.startswith(prefix))


def check_start(query: Query) -> None:
    if set(query.start or {}) != _position_names(query.table, query.index):
        raise RefusedError("the provided starting key is invalid")


def _position_names(table: Table, index: Index | None) -> set[str]:
    names = {table.partition, table.sort}
    if index is not None:
        names |= {index.partition, index.sort}
    return {name for name in names if name is not None}


def position_of(table: Table, index: Index | None, item: Item) -> Key:
    """The key from which the next page starts: the table's and the index's."""
    return {name: value for name in sorted(_position_names(table, index)) if isinstance(value := item[name], str | int)}
