"""Finds the declarations of all contexts for a change, by its table. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chalicelib.kit.changes import Change
from chalicelib.kit.counters import event_counter, total_of
from chalicelib.kit.queues import Message, Queue
from chalicelib.kit.tables import Item, Ref
from chalicelib.kit.tables.tenants import Tenant
from chalicelib.platform.audit.changes import acts_of
from chalicelib.platform.billing.changes import marks_of_kinds
from chalicelib.platform.context import Context, Event, Family, Rows, Send
from chalicelib.platform.counted import Counted
from chalicelib.platform.families import Families
from chalicelib.platform.provisioning.changes import events_of_kinds

Courier = Callable[[Any, list[Message], str], None]


class Reactions:
    """The reactions of contexts that are enabled under these settings, in the order of the families."""

    def __init__(self, families: Families, settings: Any) -> None:
        self.families = families
        self._own: dict[str, Context] = {}
        self._followers: dict[str, list[Context]] = {}
        self.couriers: dict[Queue, tuple[Family, Courier]] = {}
        self._things = {table.name: table.thing for table in families.tables if table.thing is not None}
        self._kinds = {name: kind for name, (_, kind) in families.kinds.items()}
        self._counted = {counted.table.name: counted for counted in families.counted}
        for family in families.each:
            for context in family.contexts:
                self._own |= {table.name: context for table in context.tables}
                self.couriers |= {queue: (family, courier) for queue, courier in context.couriers.items()}
                if context.enabled(settings):
                    for table in (*context.tables, *context.follows):
                        self._followers.setdefault(table.name, []).append(context)

    def messages(self, change: Change) -> Iterator[Send]:
        """The messages that a change asks for."""
        for context in self._followers.get(change.table, ()):
            if context.on_change is not None:
                yield from context.on_change(change)
        if change.table in self._things:
            yield from acts_of(change, self._things[change.table])
        yield from marks_of_kinds(change, self._kinds)

    def events(self, change: Change, rows: Rows) -> Iterable[Event]:
        """The events of a change, in the order in which they happened."""
        context = self._own.get(change.table)
        if context is not None and context.events is not None:
            yield from context.events.of(change, rows)
        yield from events_of_kinds(change, self._kinds)

    def rows_needed(self, change: Change) -> list[Ref]:
        """The rows that `events` wants to see beside this change."""
        context = self._own.get(change.table)
        return [] if context is None or context.events is None else list(context.events.needs(change))

    def deltas(self, change: Change) -> Counter[str]:
        """Total -> by how much this change moves it; totals that stay are 0 or left out. Raises KeyError for a row
        without an attribute that its table is counted by."""
        deltas: Counter[str] = Counter()
        counted = self._counted.get(change.table)
        if counted is not None:
            deltas.update(self._named(change, totals_of(counted, change.new)))
            deltas.subtract(self._named(change, totals_of(counted, change.old)))
        context = self._own.get(change.table)
        if context is not None and context.event_counters is not None:
            deltas.update(event_counter(name) for name in context.event_counters(change))
        return deltas

    def end(self, change: Change) -> tuple[str, str] | None:
        """The total and the time of a row that ended with this change."""
        context = self._own.get(change.table)
        ended = None if context is None or context.ended is None else context.ended(change)
        if ended is None:
            return None
        total, at = ended
        return next(iter(self._named(change, [total]))), at

    def _named(self, change: Change, totals: Iterable[str]) -> Iterable[str]:
        """The names of the totals of the change's table: each tenant has its own."""
        return map(Tenant(change.tenant).name, totals) if change.table in self.families.tenanted else totals


def totals_of(counted: Counted, row: Item | None) -> list[str]:
    """The names of the totals in which a row counts; none for no row, for a tombstone and for a row
    that does not count."""
    if row is None or row.get("deleted_at") is not None or not counted.of(row):
        return []
    table, parts = counted.table.name, counted.by.items()
    return [table, *(total_of(table, name, str(row[attribute])) for name, attribute in parts)]
