"""Tenants in tables: which rows a `Tables` can address, and how their keys are stored.

In a tenanted table every partition key, of the table and of its indexes, is stored as ``{tenant}|{value}``. A view of
one tenant adds the prefix to whatever it sends and strips it from whatever it reads, so that code on the view never
sees it and has no way to name a row of another tenant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from chalicelib.kit.tables.conditions import (
    Absent,
    Add,
    And,
    Attribute,
    BeginsWith,
    Between,
    Change,
    Condition,
    Equals,
    Exactly,
    Exists,
    In,
    KeyRange,
    Less,
    LessOrEqual,
    Not,
    Or,
    Remove,
    Set,
    SetIfAbsent,
)
from chalicelib.kit.tables.driver import Page, Query, Ref
from chalicelib.kit.tables.schema import Item, Table
from chalicelib.kit.tables.writes import Put, Update, Write

W = TypeVar("W", bound=Write)

SEPARATOR = "|"
"""Stands between the tenant's id and the value. No id of a tenant contains it."""


def is_tenant(text: str) -> bool:
    """Whether a text can be the id of a tenant."""
    return bool(text) and SEPARATOR not in text


class Shared:
    """Addresses the tables that belong to no tenant, as they are stored. Raises ValueError for a tenanted one."""

    tenant = ""

    def ref(self, ref: Ref) -> Ref:
        self._check(ref.table)
        return ref

    def query(self, query: Query) -> Query:
        self._check(query.table)
        return query

    def write(self, write: W) -> W:
        self._check(write.table)
        return write

    def row(self, _table: Table, row: Item | None) -> Item | None:
        """A stored row as the caller sees it."""
        return row

    def page(self, _query: Query, page: Page) -> Page:
        """A stored page as the caller sees it."""
        return page

    def _check(self, table: Table) -> None:
        if table.tenanted:
            raise ValueError(f"the table {table.name} has tenants: use Tables.scoped")


@dataclass(frozen=True)
class Tenant(Shared):
    """Addresses the rows of one tenant in tenanted tables. Raises ValueError for any other table, and for an ``id``
    that is empty or contains the separator."""

    id: str

    def __post_init__(self) -> None:
        if not is_tenant(self.id):
            raise ValueError(f"{self.id!r} is no id of a tenant: it is empty or contains {SEPARATOR!r}")

    @property
    def tenant(self) -> str:  # type: ignore[override]
        return self.id

    def name(self, value: str) -> str:
        """The stored form of a partition key, and of the name of a total."""
        return f"{self.id}{SEPARATOR}{value}"

    def ref(self, ref: Ref) -> Ref:
        self._check(ref.table)
        return Ref(ref.table, self._stored(ref.table, ref.key))

    def query(self, query: Query) -> Query:
        table = query.table
        self._check(table)
        if query.index is not None and query.index.shared:
            raise ValueError(f"the index {query.index.name} of {table.name} is over the rows of all tenants")
        sort_name = table.sort if query.index is None else query.index.sort
        return replace(
            query,
            partition=self.name(str(query.partition)),
            sort=self._range(query.sort) if sort_name in table.tenant_keys else query.sort,
            start=None if query.start is None else self._stored(table, query.start),
        )

    def write(self, write: W) -> W:
        table: Any = write.table
        self._check(table)
        given: Any = {"item": write.item} if isinstance(write, Put) else {"key": write.key}
        sent = {name: self._stored(table, value) for name, value in given.items()}
        if write.condition is not None:
            sent["condition"] = self._condition(table, write.condition)
        if isinstance(write, Update):
            sent["changes"] = tuple(self._change(table, change) for change in write.changes)
        return replace(write, **sent)

    def stored_ref(self, ref: Ref) -> Ref:
        """The row in the `whole` table."""
        return Ref(whole(ref.table), self.ref(ref).key)

    def stored_totals(self, totals: Mapping[str, Sequence[Query]]) -> dict[str, list[Query]]:
        """The tenant's own totals, each with the queries of its rows in the `whole` table, for a recount."""
        return {
            self.name(total): [replace(self.query(query), table=whole(query.table)) for query in queries]
            for total, queries in totals.items()
        }

    def row(self, table: Table, row: Item | None) -> Item | None:
        """A stored row as the tenant sees it. Raises ValueError for a row of another tenant."""
        return None if row is None else self._shown(table, row)

    def page(self, query: Query, page: Page) -> Page:
        items = [self._shown(query.table, item) for item in page.items]
        last_key = None if page.last_key is None else self._shown(query.table, page.last_key)
        return Page(items, page.count, last_key)

    def _check(self, table: Table) -> None:
        if not table.tenanted:
            raise ValueError(f"the table {table.name} has no tenants: use the unscoped Tables")

    def _stored(self, table: Table, named: Any) -> Any:
        return {name: self._value(table, name, value) for name, value in named.items()}

    def _shown(self, table: Table, named: Any) -> Any:
        if not table.tenanted:
            return named
        return {name: self._stripped(value) if name in table.tenant_keys else value for name, value in named.items()}

    def _stripped(self, value: Any) -> Any:
        tenant, separator, rest = str(value).partition(SEPARATOR)
        if tenant != self.id or not separator:
            raise ValueError("a row of another tenant")
        return rest

    def _value(self, table: Table, name: str, value: Any) -> Any:
        return self.name(value) if name in table.tenant_keys and isinstance(value, str) else value

    def _operand(self, table: Table, name: str, value: Any) -> Any:
        """Raises ValueError for a comparison of a key that is stored with its tenant and an attribute that is not."""
        if not isinstance(value, Attribute):
            return self._value(table, name, value)
        if (name in table.tenant_keys) != (value.name in table.tenant_keys):
            raise ValueError(f"{name} and {value.name} are stored in different forms: they cannot be compared")
        return value

    def _condition(self, table: Table, condition: Condition) -> Condition:
        match condition:
            case Absent() | Exists():
                return condition
            case Equals(name, value):
                return Equals(name, self._operand(table, name, value))
            case Less(name, value):
                return Less(name, self._operand(table, name, value))
            case LessOrEqual(name, value):
                return LessOrEqual(name, self._operand(table, name, value))
            case In(name, values):
                return In(name, [self._value(table, name, value) for value in values])
            case And(parts):
                return And(*(self._condition(table, part) for part in parts))
            case Or(parts):
                return Or(*(self._condition(table, part) for part in parts))
            case Not(part):
                return Not(self._condition(table, part))

    def _change(self, table: Table, change: Change) -> Change:
        match change:
            case Set(name, value):
                return Set(name, self._value(table, name, value))
            case SetIfAbsent(name, value):
                return SetIfAbsent(name, self._value(table, name, value))
            case Add() | Remove():
                return change

    def _range(self, sort: KeyRange | None) -> KeyRange | None:
        match sort:
            case Exactly(value):
                return Exactly(self.name(str(value)))
            case Between(low, high):
                return Between(self.name(str(low)), self.name(str(high)))
            case BeginsWith(prefix):
                return BeginsWith(self.name(prefix))
            case None:
                return None


def whole(table: Table) -> Table:
    """The table as it is stored, for code that works on the rows of all tenants alike: the relay, recounts, a change of
    the data key. Its keys are `Tenant.name`, and `owner_of` takes them apart."""
    return replace(table, tenanted=False)


def owner_of(stored: str) -> tuple[Tenant, str]:
    """The tenant in a stored partition key, and the value. Raises ValueError for a key without a tenant."""
    tenant, separator, value = stored.partition(SEPARATOR)
    if not separator:
        raise ValueError("a key without a tenant")
    return Tenant(tenant), value
