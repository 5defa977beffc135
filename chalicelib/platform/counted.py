"""The declaration of what is counted: rows by table and value, and events."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.kit.changes import Change
from chalicelib.kit.tables import Item, Query, Table


@dataclass(frozen=True)
class Counted:
    """A table whose rows are counted, all of them and value by value. ``totals`` are the counters that a recount knows
    by name, with its COUNT queries. ``by`` maps the filter of a list to the attribute of the rows that it looks at.

    ``of`` tells whether a row counts at all.

    A tenanted table is counted for each tenant. Its totals have no fixed names: `Context.recounts` walks over the
    tenants (`Tenant.stored_totals`). Raises ValueError if it has ``totals``.
    """

    table: Table
    totals: Mapping[str, Sequence[Query]] = field(default_factory=dict)
    by: Mapping[str, str] = field(default_factory=dict)
    of: Callable[[Item], bool] = lambda _row: True

    def __post_init__(self) -> None:
        if self.table.tenanted and self.totals:
            raise ValueError(f"{self.table.name} has totals for each tenant, none of a fixed name")


EventCounters = Callable[[Change], Iterable[str]]
"""Pure: the names of what happened with a change, for counters that only grow (`kit.counters.event_counter`)."""


def operations(table: Table, names: Collection[str]) -> EventCounters:
    """Counts the changes of a table's rows that these operations wrote."""

    def names_of(change: Change) -> Iterable[str]:
        is_counted = change.table == table.name and change.new is not None and change.operation in names
        return (change.operation,) if is_counted else ()

    return names_of
