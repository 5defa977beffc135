"""Rows of tenants: keys and attribute names.

A tenant has a row once it has been registered or changed; the operator's has none at first.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import not_found
from chalicelib.kit.tables import (
    Absent,
    And,
    Change,
    Equals,
    Exists,
    Item,
    Key,
    Put,
    Ref,
    Remove,
    Set,
    SetIfAbsent,
    Table,
    Tables,
    Thing,
    Update,
    Value,
    put_new,
)
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.identity.model import TenantFacts

_OF_ONE_THAT_IS_THERE = ("name", "owner", "slug", "quotas", "role_policies", "tier", "clusters")

TENANTS = Table("tenants", partition="id", stream=True, thing=Thing("tenant", name="name"))


class TenantStore:
    """Tenants on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, tenant_id: str) -> Item | None:
        """The row, by a consistent read."""
        return self._tables.get(TENANTS, _key(tenant_id))

    def change(self, tenant_id: str, values: Mapping[str, Value], now: datetime) -> None:
        """Give the tenant other values; None removes one. Makes the row of the operator's, which has none at first.
        Raises `EdgeError` (not found) for an unknown tenant, and for one that is deleted."""
        at = to_seconds_text(now)
        changes = [Remove(name) if value is None else Set(name, value) for name, value in values.items()]
        stamps = (SetIfAbsent("inserted_at", at), Set("updated_at", at))
        stays = Absent("deleted_at")
        is_there = stays if tenant_id == DEFAULT_TENANT else And(Exists("id"), stays)
        if not self._tables.try_write(
            Update(TENANTS, _key(tenant_id), (*changes, *stamps), is_there), "tenant.changed"
        ):
            raise not_found()


def put_tenant(facts: TenantFacts, owner: str, now: datetime, slug: str = "") -> Put:
    """A new tenant, which ``owner``, a user, has registered; "" for one that the operator made. Its tier is the default
    one until it is changed. ``slug`` is its name in addresses, if it has one."""
    at = to_seconds_text(now)
    named: Item = {"id": facts.id, "name": facts.name, "owner": owner or None, "slug": slug or None}
    if facts.granted:
        named["quotas"] = {**facts.granted}
    return put_new(TENANTS, {**named, "inserted_at": at, "updated_at": at})


def touch_tenant(tenant_id: str, now: datetime) -> Update:
    """The members of a tenant change: so that no other request deletes it meanwhile. Fails for an unknown tenant."""
    is_there = And(Exists("id"), Absent("deleted_at"))
    return Update(TENANTS, _key(tenant_id), (Set("updated_at", to_seconds_text(now)),), is_there)


def note_change(tenant_id: str, now: datetime) -> Update:
    """A change of what belongs to a tenant, which the change stream tells by its row. Makes the row of the operator's,
    which has none at first; fails for a tenant that is deleted."""
    at = to_seconds_text(now)
    stamps = (SetIfAbsent("inserted_at", at), Set("updated_at", at))
    return Update(TENANTS, _key(tenant_id), stamps, Absent("deleted_at"))


def own_tenant(tenant_id: str, user_id: str, now: datetime) -> Update:
    """The user owns a tenant that has no owner; fails for any other."""
    changes = (Set("owner", user_id), Set("updated_at", to_seconds_text(now)))
    is_free = And(Exists("id"), Absent("deleted_at"), Absent("owner"))
    return Update(TENANTS, _key(tenant_id), changes, is_free)


def set_quotas(row: Item, quotas: Mapping[str, int], now: datetime) -> Update:
    """The tenant of that row has these quotas; fails if it has changed since."""
    changes = (Set("quotas", {**quotas}), Set("updated_at", to_seconds_text(now)))
    return Update(TENANTS, _key(str(row["id"])), changes, Equals("version", row["version"]))


def set_role_policies(row: Item, policies: Mapping[str, Sequence[str]], now: datetime) -> Update:
    """The roles of the tenant of that row have these policies, by name; fails if it has changed since."""
    listed: dict[str, Value] = {role: [*ids] for role, ids in policies.items() if ids}
    changes = (Set("role_policies", listed), Set("updated_at", to_seconds_text(now)))
    return Update(TENANTS, _key(str(row["id"])), changes, Equals("version", row["version"]))


def role_policies_of(row: Item) -> dict[str, list[str]]:
    """The ids of the policies that are attached to the roles of the tenant of a row, by name of the role."""
    stored = row.get("role_policies")
    by_role = stored if isinstance(stored, dict) else {}
    return {role: [str(each) for each in ids] for role, ids in by_role.items() if isinstance(ids, list)}


def set_owned(row: Item, kind: str, names: Mapping[str, str], now: datetime) -> Update:
    """The operator has given the tenant of that row these things of a kind, names by id; fails if it has changed
    since."""
    owned: dict[str, Value] = {**_owned(row), kind: {**names}}
    changes = (Set("owned", owned), Set("updated_at", to_seconds_text(now)))
    return Update(TENANTS, _key(str(row["id"])), changes, Equals("version", row["version"]))


def owned_by(row: Item, kind: str) -> dict[str, str]:
    """The names, by id, of the things of a kind that the operator has given the tenant of a row."""
    named = _owned(row).get(kind)
    return {thing_id: str(name) for thing_id, name in named.items()} if isinstance(named, dict) else {}


def _owned(row: Item) -> dict[str, Value]:
    owned = row.get("owned")
    return owned if isinstance(owned, dict) else {}


def end_tenant(row: Item, now: datetime) -> Update:
    """The tenant of that row is deleted, and what is kept says nothing of its owner; fails if it has changed since."""
    at = to_seconds_text(now)
    changes: tuple[Change, ...] = (Set("deleted_at", at), Set("updated_at", at), *map(Remove, _OF_ONE_THAT_IS_THERE))
    return Update(TENANTS, _key(str(row["id"])), changes, Equals("version", row["version"]))


def tenant_ref(tenant_id: str) -> Ref:
    """The row of a tenant."""
    return Ref(TENANTS, _key(tenant_id))


def is_deleted(row: Item) -> bool:
    """Whether the tenant of a row is gone."""
    return "deleted_at" in row


def facts_of(row: Item, without_a_row: TenantFacts) -> TenantFacts:
    """The facts of a row; what it does not say is as ``without_a_row``."""
    name, tier, clusters = row.get("name"), row.get("tier"), row.get("clusters")
    return TenantFacts(
        id=without_a_row.id,
        name=str(name or without_a_row.name),
        tier=str(tier or without_a_row.tier),
        clusters=frozenset(map(str, clusters)) if isinstance(clusters, list) else without_a_row.clusters,
        granted=granted_of(row),
    )


def granted_of(row: Item | None) -> dict[str, int] | None:
    """The quotas that the operator has granted to the tenant of a row. One with a slug has no others, also if it was
    granted none yet. None: there are none, as without a row."""
    if row is None:
        return None
    quotas = row.get("quotas")
    if isinstance(quotas, dict):
        return {name: limit for name, limit in quotas.items() if isinstance(limit, int)}
    return {} if "slug" in row else None


def _key(tenant_id: str) -> Key:
    return {"id": tenant_id}


def listed(clusters: Collection[str]) -> list[Value]:
    """The names of clusters as an attribute: a set could not be empty."""
    return [*sorted(clusters)]
