"""How much of its quotas a tenant may have."""

from chalicelib.kit.tables import Tables
from chalicelib.platform.identity.tenant_store import TenantStore, granted_of


def limit_of(tables: Tables, tenant_id: str, quota: str) -> int | None:
    """How much of a quota the tenant may have; None for one whose quotas the operator has not granted, such as the
    operator's own. One read."""
    granted = granted_of(TenantStore(tables).find(tenant_id))
    return None if granted is None else granted.get(quota, 0)
