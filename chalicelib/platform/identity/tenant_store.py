"""Rows of tenants: keys and attribute names.

A tenant has a row once it has been registered or changed; the operator's has none at first.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import Item, Put, Remove, Set, SetIfAbsent, Table, Tables, Thing, Update, Value, put_new
from chalicelib.platform.identity.model import TenantFacts

TENANTS = Table("tenants", partition="id", stream=True, thing=Thing("tenant", name="name"))


class TenantStore:
    """Tenants on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, tenant_id: str) -> Item | None:
        """The row, by a consistent read."""
        return self._tables.get(TENANTS, {"id": tenant_id})

    def change(self, tenant_id: str, values: Mapping[str, Value], now: datetime) -> None:
        """Give the tenant other values; None removes one. Makes the row if there is none."""
        at = to_seconds_text(now)
        changes = [Remove(name) if value is None else Set(name, value) for name, value in values.items()]
        stamps = (SetIfAbsent("inserted_at", at), Set("updated_at", at))
        self._tables.write(Update(TENANTS, {"id": tenant_id}, (*changes, *stamps)), "tenant.changed")


def put_tenant(facts: TenantFacts, owner: str, now: datetime) -> Put:
    """A new tenant, which ``owner``, a user, has registered. Its tier is the default one until it is changed."""
    at = to_seconds_text(now)
    return put_new(TENANTS, {"id": facts.id, "name": facts.name, "owner": owner, "inserted_at": at, "updated_at": at})


def facts_of(row: Item, without_a_row: TenantFacts) -> TenantFacts:
    """The facts of a row; what it does not say is as ``without_a_row``."""
    name, tier, clusters = row.get("name"), row.get("tier"), row.get("clusters")
    return TenantFacts(
        id=without_a_row.id,
        name=str(name or without_a_row.name),
        tier=str(tier or without_a_row.tier),
        clusters=frozenset(map(str, clusters)) if isinstance(clusters, list) else without_a_row.clusters,
    )


def listed(clusters: Collection[str]) -> list[Value]:
    """The names of clusters as an attribute: a set could not be empty."""
    return [*sorted(clusters)]
