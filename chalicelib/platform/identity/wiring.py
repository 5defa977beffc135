"""`Identity`: the parts of this context by name."""

from collections.abc import Collection

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Tables, Value
from chalicelib.platform.identity.model import TenantFacts, facts_without_a_row
from chalicelib.platform.identity.tenant_store import TenantStore, facts_of, listed


class Identity:
    """Tenants and users. ``default_tier`` is that of tenants that were not given one."""

    def __init__(self, tables: Tables, clock: Clock, *, default_tier: str) -> None:
        self._clock = clock
        self._tenants = TenantStore(tables)
        self._default_tier = default_tier

    def tenant(self, tenant_id: str) -> TenantFacts:
        """The facts of a tenant, in one consistent read. A tenant without a row has the default tier and no clusters,
        the operator's any cluster."""
        without_a_row = facts_without_a_row(tenant_id, self._default_tier)
        row = self._tenants.find(tenant_id)
        return without_a_row if row is None else facts_of(row, without_a_row)

    def change_tenant(
        self, tenant_id: str, *, tier: str | None = None, clusters: Collection[str] | None = None
    ) -> TenantFacts:
        """Give a tenant another tier, or other clusters that its machines may join, or both; returns its facts."""
        values: dict[str, Value] = {}
        if tier is not None:
            values["tier"] = tier
        if clusters is not None:
            values["clusters"] = listed(clusters)
        if values:
            self._tenants.change(tenant_id, values, self._clock.now())
        return self.tenant(tenant_id)
