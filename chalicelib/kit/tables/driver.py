"""The interface between our policy (`Tables`) and DynamoDB: the real one, an emulator, or the fake of the tests.

A driver executes one call and returns the result. It does not retry, stamp or decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Protocol

from chalicelib.kit.tables.conditions import KeyRange
from chalicelib.kit.tables.schema import Index, Item, Key, Table
from chalicelib.kit.tables.writes import Delete, Put, Update, Write


class Ref(NamedTuple):
    """One row, by primary key."""

    table: Table
    key: Key


@dataclass(frozen=True)
class Query:
    """One partition of a table or an index, in sort-key order.

    ``limit`` counts rows examined. ``start`` is the ``last_key`` of the page before. ``count_only`` transfers no rows.
    ``consistent`` is for tables only; an index lags. Raises ValueError for an index that is retired.
    """

    table: Table
    partition: str | int
    index: Index | None = None
    sort: KeyRange | None = None
    descending: bool = False
    limit: int | None = None
    start: Key | None = None
    consistent: bool = False
    count_only: bool = False

    def __post_init__(self) -> None:
        if self.index is not None and self.index.retired:
            raise ValueError(f"the index {self.index.name} is retired: nothing may query it")


@dataclass(frozen=True)
class Page:
    """At most ``limit`` rows or 1 MB. ``last_key`` is None when the partition has ended."""

    items: list[Item]
    count: int
    last_key: Key | None


class ConditionFailedError(Exception):
    """The condition of a single write did not hold; ``current`` is the row as it is, None if there is none."""

    def __init__(self, current: Item | None) -> None:
        super().__init__("the condition does not hold")
        self.current = current


class TransactionFailedError(Exception):
    """Conditions of a transaction did not hold, so nothing was written. ``failed`` maps the index of each such write to
    the current row (None: there is none)."""

    def __init__(self, failed: dict[int, Item | None]) -> None:
        super().__init__(f"the conditions of writes {sorted(failed)} do not hold")
        self.failed = failed


class BusyError(Exception):
    """The call was throttled, conflicted with another transaction, or got no answer. It may be repeated.

    Nothing was written, except perhaps if the answer was lost; a repeat of a stamped write detects that.
    """


class RefusedError(Exception):
    """DynamoDB rejects the request for good: an empty or mistyped key, a row above 400 KB, a token reused for another
    request. It is a bug in the caller; nothing was written, and a repeat cannot help."""


class Call(NamedTuple):
    """One call. Units are those that DynamoDB reports."""

    operation: str
    table: str
    read_units: float = 0.0
    write_units: float = 0.0


class Meter:
    """The calls to DynamoDB since the last `reset`. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.reset()

    def record(self, call: Call) -> None:
        with self._lock:
            self.calls.append(call)
            self.read_units += call.read_units
            self.write_units += call.write_units

    def reset(self) -> None:
        with self._lock:
            self.calls: list[Call] = []
            self.read_units = 0.0
            self.write_units = 0.0

    @property
    def count(self) -> int:
        return len(self.calls)


class Driver(Protocol):
    """Executes single calls. Every method raises `BusyError` when throttled or in conflict, and `RefusedError`."""

    meter: Meter

    def get(self, ref: Ref, *, consistent: bool) -> Item | None:
        """Calls GetItem; None for a missing row."""
        ...

    def batch_get(self, refs: Sequence[Ref], *, consistent: bool) -> tuple[list[tuple[Ref, Item]], list[Ref]]:
        """Calls BatchGetItem for at most 100 distinct rows; returns the rows found and the unprocessed keys."""
        ...

    def query(self, query: Query) -> Page:
        """Calls Query once; returns one page."""
        ...

    def query_many(self, queries: Sequence[Query]) -> list[Page]:
        """Calls Query for each, in parallel if the driver can; returns the pages in the same order."""
        ...

    def write(self, write: Put | Update | Delete) -> Item | None:
        """Calls PutItem, UpdateItem or DeleteItem; returns the row afterwards. Raises `ConditionFailedError`."""
        ...

    def transact(self, writes: Sequence[Write], token: str) -> None:
        """Calls TransactWriteItems for at most 100 writes. A repeat with the same token within 10 minutes has no
        effect. Raises `TransactionFailedError`."""
        ...
