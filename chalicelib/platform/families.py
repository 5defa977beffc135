"""All families of a deployment as one value, for code that belongs to none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Table
from chalicelib.platform.context import Context, Family, Function
from chalicelib.platform.counted import Counted

if TYPE_CHECKING:
    from chalicelib.kit.tables import Query
    from chalicelib.platform.access.permissions import Permission
    from chalicelib.platform.provisioning.ports import Kind


@dataclass(frozen=True)
class Families:
    """The families that work together, the platform first: what everything iterates over that belongs to none."""

    each: tuple[Family, ...]

    @cached_property
    def contexts(self) -> tuple[Context, ...]:
        return tuple(context for family in self.each for context in family.contexts)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        return tuple(table for context in self.contexts for table in context.tables)

    @cached_property
    def tenanted(self) -> Mapping[str, Table]:
        """The tables whose rows belong to tenants, by name."""
        return {table.name: table for table in self.tables if table.tenanted}

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        return tuple(queue for context in self.contexts for queue in context.queues)

    @cached_property
    def queues_of_the_core(self) -> tuple[Queue, ...]:
        """Those of the platform and of the family that stands in its stacks, which is the next one."""
        return Families(self.each[:2]).queues

    @cached_property
    def counted(self) -> tuple[Counted, ...]:
        return tuple(counted for context in self.contexts for counted in context.counted)

    @cached_property
    def sealed(self) -> Mapping[Table, tuple[str, ...]]:
        return {table: names for context in self.contexts for table, names in context.sealed.items()}

    def holding(self, tenant: str, quota: str) -> "list[Query]":
        """The COUNT queries of all that takes a quota of a tenant."""
        each = (context.holds for context in self.contexts if context.holds is not None)
        return [query for holds in each for query in holds(tenant, quota)]

    @cached_property
    def unparked(self) -> frozenset[str]:
        """The attributes without which an unreadable stream record is set aside: of all tables, since such a record may
        not even name its own."""
        declared = {name for table in self.tables for name in table.unparked}
        return frozenset(declared | {name for names in self.sealed.values() for name in names})

    @cached_property
    def permissions(self) -> "tuple[Permission, ...]":
        return tuple(permission for family in self.each for permission in family.permissions)

    @cached_property
    def event_types(self) -> tuple[str, ...]:
        """The published catalogue of all."""
        return tuple(event_type for family in self.each for event_type in family.event_types)

    @cached_property
    def internal(self) -> tuple[str, ...]:
        """The types of the events of all that are not published."""
        return tuple(event_type for family in self.each for event_type in family.internal)

    @cached_property
    def kinds(self) -> "Mapping[str, tuple[Family, Kind]]":
        """The kinds of resources by name, each with its family. Raises ValueError for two of one name."""
        found = [(family, kind) for family in self.each for context in family.contexts for kind in context.kinds]
        by_name = {kind.name: (family, kind) for family, kind in found}
        if len(by_name) < len(found):
            raise ValueError(f"two kinds of resources have one name: {sorted(kind.name for _, kind in found)}")
        return by_name

    @cached_property
    def subscribed(self) -> frozenset[str]:
        """The internal events that a queue of one of the families gets."""
        return frozenset(each for context in self.contexts for one in context.subscriptions for each in one.types)

    def follow(self, event_type: str, data: Mapping[str, Any]) -> bool:
        """Whether a queue of one of the families gets this internal event."""
        return event_type in self.subscribed and any(
            one.takes(event_type, data) for context in self.contexts for one in context.subscriptions
        )

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        of_families = (function for family in self.each for function in family.functions)
        return (*of_families, *(function for context in self.contexts for function in context.functions))
