"""Tenants."""

from pydantic import BaseModel

from chalicelib.platform.access.principal import DEFAULT_TENANT


class TenantFacts(BaseModel, frozen=True):
    """The facts about a tenant that decide what its principals may have made. ``tier`` is a tier of the catalogue;
    ``clusters`` are the names of the clusters that its machines may join, None for any."""

    id: str
    name: str
    tier: str
    clusters: frozenset[str] | None = frozenset()

    def may_use(self, cluster_name: str) -> bool:
        """Whether its machines may join that cluster."""
        return self.clusters is None or cluster_name in self.clusters


def facts_without_a_row(tenant_id: str, tier: str) -> TenantFacts:
    """The facts of a tenant that has no row. The operator's may use any cluster."""
    return TenantFacts(
        id=tenant_id, name=tenant_id, tier=tier, clusters=None if tenant_id == DEFAULT_TENANT else frozenset()
    )
