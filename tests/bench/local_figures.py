"""What the local cloud says that a write consumed, beside what the fake says of the same write on the same rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from chalicelib.kit.tables import Check, Item, Key, Meter, Put, Table, Write
from chalicelib.kit.tables.dynamodb import DynamoDriver
from chalicelib.kit.tables.wire import to_wire
from tests.bench.report import Figure
from tests.support.declared import TABLES
from tests.support.emulator import create_tables, running_emulator
from tests.support.fakes.dynamo import Plan
from tests.support.fakes.dynamo_sizes import index_write_units, write_units


@dataclass(frozen=True)
class Row:
    """A write with its row before and after."""

    write: Write
    key: Key
    before: Item | None
    after: Item | None

    @property
    def table(self) -> Table:
        return self.write.table

    def units(self, factor: int) -> float:
        """Of the row, times the factor, and of its index entries."""
        indexes = (index_write_units(self.table, index, self.before, self.after) for index in self.table.indexes)
        return factor * write_units(self.before, self.after) + sum(indexes)


@dataclass(frozen=True)
class Written:
    """One call that wrote."""

    operation: str
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, operation: str, plan: Plan) -> "Written":
        return cls(operation, tuple(Row(write, _key(write), before, after) for write, _, before, after in plan))

    @property
    def is_transaction(self) -> bool:
        return self.operation == "TransactWriteItems"

    @property
    def units(self) -> float:
        """By the fake's rules: rows, not their index entries, count twice in a transaction."""
        return sum(row.units(2 if self.is_transaction else 1) for row in self.rows)


def agreement(written: Sequence[Written]) -> Iterator[Figure]:
    """How many of the calls the local cloud bills as the fake does."""
    with running_emulator() as emulator:
        client = emulator.client("dynamodb")
        create_tables(client, TABLES)
        driver = DynamoDriver(client, "", Meter())
        alike: dict[str, list[bool]] = {"writes of one row": [], "transactions": []}
        for one in written:
            kind = "transactions" if one.is_transaction else "writes of one row"
            alike[kind].append(_billed(client, driver, one) == one.units)
        for kind, outcomes in alike.items():
            share = sum(outcomes) / len(outcomes)
            yield Figure(f"{kind} that the local cloud bills alike, of {len(outcomes)}", share, "share", 1.0, "more")


def _billed(client: Any, driver: DynamoDriver, written: Written) -> float:
    """The units that the local cloud reports for the call, made on the rows that it found."""
    for row in written.rows:
        _place(client, row)
    if written.is_transaction:
        driver.transact([row.write for row in written.rows], uuid4().hex)
    else:
        (row,) = written.rows
        if isinstance(row.write, Check):
            raise TypeError("a check is no call of its own")
        driver.write(row.write)
    return driver.meter.calls[-1].write_units


def _place(client: Any, row: Row) -> None:
    if row.before is None:
        client.delete_item(TableName=row.table.name, Key=to_wire(row.key))
    else:
        client.put_item(TableName=row.table.name, Item=to_wire(row.before))


def _key(write: Write) -> Key:
    return write.table.key_of(write.item) if isinstance(write, Put) else write.key
