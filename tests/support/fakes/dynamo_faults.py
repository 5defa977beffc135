"""Failures on demand. All of them are deterministic: by count, by seed, or by the fake's clock."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from chalicelib.kit.tables import BusyError, Table
from tests.support.fakes.dynamo_views import PrimaryKey

FaultKind = Literal["throttle", "conflict", "lost_answer"]
WRITING = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})


class Crash(BaseException):
    """The function died here: nothing in the program may catch it."""


@dataclass
class _Rule:
    kind: FaultKind | Literal["action"]
    left: int
    operation: str | None
    table: str | None
    action: Callable[[], Any] | None

    def matches(self, operation: str, tables: Sequence[str]) -> bool:
        if self.kind in {"conflict", "lost_answer"} and operation not in WRITING:
            return False
        return self.operation in {None, operation} and (self.table is None or self.table in tables)


class Faults:
    """The faults to inject next."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._probability = 0.0
        self._random = random.Random(0)
        self._writes_until_crash: int | None = None
        self._transaction_seconds = 0.0
        self._held: dict[tuple[str, PrimaryKey], datetime] = {}

    def add(
        self,
        kind: FaultKind | Literal["action"],
        count: int,
        operation: str | None,
        table: Table | None,
        action: Callable[[], Any] | None,
    ) -> None:
        self._rules.append(_Rule(kind, count, operation, table.name if table else None, action))

    def conflict_with_probability(self, probability: float, seed: int) -> None:
        self._probability, self._random = probability, random.Random(seed)

    def hold_rows_for(self, seconds: float) -> None:
        self._transaction_seconds = seconds

    def crash_after(self, writes: int) -> None:
        self._writes_until_crash = writes

    def take(self, operation: str, tables: Sequence[str]) -> _Rule | None:
        """The first rule that this call meets, used up by one."""
        for rule in self._rules:
            if rule.matches(operation, tables):
                rule.left -= 1
                if rule.left == 0:
                    self._rules.remove(rule)
                return rule
        return None

    def conflict_by_chance(self) -> None:
        if self._probability and self._random.random() < self._probability:
            raise BusyError("TransactionConflict (by chance)")

    def refuse_held(self, rows: Sequence[tuple[str, PrimaryKey]], now: datetime) -> None:
        """Raise BusyError if a transaction that is still under way has one of the rows."""
        if any(self._held.get(row, now) > now for row in rows):
            raise BusyError("TransactionConflict")

    def hold(self, rows: Sequence[tuple[str, PrimaryKey]], now: datetime) -> None:
        if self._transaction_seconds:
            until = now + timedelta(seconds=self._transaction_seconds)
            self._held.update(dict.fromkeys(rows, until))

    def count_write(self) -> None:
        """One write has succeeded. Raises `Crash` if that was the last one before it."""
        if self._writes_until_crash is not None:
            self._writes_until_crash -= 1
            if self._writes_until_crash <= 0:
                self._writes_until_crash = None
                raise Crash("killed after a write")


class PartitionLimit:
    """DynamoDB's ceiling of write units a second for one partition key (1,000; developer guide, "quotas")."""

    def __init__(self) -> None:
        self.units_per_second: float | None = None
        self._second: datetime | None = None
        self._used: dict[tuple[str, Any], float] = {}

    def spend(self, costs: Sequence[tuple[tuple[str, Any], float]], now: datetime) -> None:
        """Take the units of one call, or none of them and raise BusyError."""
        if self.units_per_second is None:
            return
        second = now.replace(microsecond=0)
        if second != self._second:
            self._second, self._used = second, {}
        used = dict(self._used)
        for partition, units in costs:
            used[partition] = used.get(partition, 0.0) + units
            if used[partition] > self.units_per_second:
                raise BusyError(f"throttled: {partition} is hot")
        self._used = used
