"""How much of its quotas a tenant may have."""

from chalicelib.kit.tables import Item, Tables
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.identity.tenant_store import TenantStore, granted_of


def granted_to(tenant_id: str, row: Item | None) -> dict[str, int] | None:
    """The quotas that the operator has granted to a tenant with that row. None: there are no limits, for the operator's
    own tenant alone. One that another family made has nothing until it is granted something."""
    granted = granted_of(row)
    return {} if granted is None and tenant_id != DEFAULT_TENANT else granted


def limit_of(tables: Tables, tenant_id: str, quota: str) -> int | None:
    """How much of a quota the tenant may have; None for no limit. One read."""
    granted = granted_to(tenant_id, TenantStore(tables).find(tenant_id))
    return None if granted is None else granted.get(quota, 0)
