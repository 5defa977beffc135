"""The indexes of a fake DynamoDB, each partition as far behind as it is told to be."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Index, Item, Table
from tests.support.fakes.dynamo_sizes import project
from tests.support.fakes.dynamo_views import PrimaryKey, View

PartitionName = tuple[str, str, Any]
"""A table, an index and a partition of it."""

Lags = Callable[[PartitionName], bool]


class Indexes:
    """The indexes of these tables. An entry that moves from one partition to another may be in both for a while, or in
    neither: each follows its rows by itself."""

    def __init__(self, tables: Sequence[Table], clock: Clock) -> None:
        self._clock = clock
        self._views = {
            (table.name, index.name): View(index.partition, index.sort) for table in tables for index in table.indexes
        }
        self._late: defaultdict[PartitionName, deque[tuple[datetime, PrimaryKey, Item | None]]] = defaultdict(deque)
        self._lag = timedelta(0)
        self._lags: Lags = lambda _name: True

    def __deepcopy__(self, memo: Any) -> "Indexes":
        twin = Indexes((), deepcopy(self._clock, memo))
        twin._views = {name: deepcopy(view) for name, view in self._views.items()}
        twin._late.update({name: waiting.copy() for name, waiting in self._late.items()})
        twin._lag, twin._lags = self._lag, self._lags
        return twin

    def lag(self, seconds: float, lags: Lags) -> None:
        """From now on a write reaches the partitions of which ``lags`` is true this much later on the clock. 0 brings
        all up to date."""
        self._lag, self._lags = timedelta(seconds=seconds), lags
        for name in [] if seconds else list(self._late):
            self._catch_up(name, datetime.max.replace(tzinfo=self._clock.now().tzinfo))

    def follow(self, table: Table, key: PrimaryKey, old: Item | None, new: Item | None) -> None:
        """A row has changed."""
        for index in table.indexes:
            before, after = project(table, index, old), project(table, index, new)
            if before is not None and (after is None or after[index.partition] != before[index.partition]):
                self._change((table.name, index.name, before[index.partition]), key, None)
            if after is not None:
                self._change((table.name, index.name, after[index.partition]), key, after)

    def show(self, table: Table, index: Index, key: PrimaryKey, entry: Item) -> None:
        """Add an entry to one index alone."""
        self._views[table.name, index.name].put(entry[index.partition], key, entry)

    def view(self, table: Table, index: Index, partition: Any) -> View:
        """The index, of which this partition is to be read."""
        self._catch_up((table.name, index.name, partition), self._clock.now())
        return self._views[table.name, index.name]

    def _change(self, name: PartitionName, key: PrimaryKey, entry: Item | None) -> None:
        is_late = bool(self._lag) and self._lags(name)
        if is_late or name in self._late:
            # One that is up to date again goes on from where it is.
            self._late[name].append((self._clock.now() + (self._lag if is_late else timedelta(0)), key, entry))
        else:
            self._views[name[:2]].put(name[2], key, entry)

    def _catch_up(self, name: PartitionName, now: datetime) -> None:
        if name not in self._late:
            return
        waiting = self._late[name]
        while waiting and waiting[0][0] <= now:
            _, key, entry = waiting.popleft()
            self._views[name[:2]].put(name[2], key, entry)
        if not waiting:
            del self._late[name]
