"""`OwnedClusters`: clusters of the fleet that the operator gives a tenant, whose keys then reach these and no other."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.cloud.tenancy import rules, store
from chalicelib.cloud.tenancy.rules import CLUSTERS
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, found, invalid
from chalicelib.kit.tables import Item, Put, Tables, TransactionFailedError, Write
from chalicelib.platform.identity import tenant_store
from chalicelib.platform.identity.tenant_store import TenantStore

if TYPE_CHECKING:
    from chalicelib.fleet.public import FleetAccess


class OwnedClusters:
    """A cluster is one tenant's at most: its row of `store.OWNED` says whose."""

    def __init__(self, tables: Tables, clock: Clock, fleet: "FleetAccess") -> None:
        self._tables = tables
        self._clock = clock
        self._fleet = fleet
        self._tenants = TenantStore(tables)

    def of(self, tenant_id: str) -> dict[str, str]:
        """The names, by id, of the clusters of a tenant. Raises `EdgeError` (not found)."""
        return tenant_store.owned_by(self._row(tenant_id), CLUSTERS)

    def give(self, tenant_id: str, names: Collection[str]) -> dict[str, str]:
        """Give a tenant these clusters in place of those that it has. Raises `EdgeError` (not found), (validation
        failed) for a cluster that there is not, (conflict) for one of another tenant."""
        for _ in self._tables.tries():
            row = self._row(tenant_id)
            before = tenant_store.owned_by(row, CLUSTERS)
            wanted = self._found(names, before)
            writes = self._changes(row, before, wanted, self._clock.now())
            try:
                self._tables.commit(writes, "tenant.owns", result=wanted)
            except TransactionFailedError as error:
                if 0 in error.failed:
                    continue
                raise self._taken(error, wanted, writes) from error
            return wanted
        raise rules.changed_meanwhile()

    def _row(self, tenant_id: str) -> Item:
        row = found(self._tenants.find(tenant_id))
        return found(None if tenant_store.is_deleted(row) else row)

    def _found(self, names: Collection[str], before: Mapping[str, str]) -> dict[str, str]:
        """The ids of clusters by their names. One that the tenant has keeps its id, also if it is gone."""
        known = {name: cluster_id for cluster_id, name in before.items()}
        for name in dict.fromkeys(names):
            if name not in known:
                cluster = self._fleet.find_cluster(name)
                if cluster is None:
                    raise invalid("clusters", f"no cluster has the name {name[:64]!r}")
                known[name] = cluster.id
        return {known[name]: name for name in dict.fromkeys(names)}

    @staticmethod
    def _changes(row: Item, before: Mapping[str, str], wanted: Mapping[str, str], now: datetime) -> list[Write]:
        """The writes of another set of clusters, the tenant's row first."""
        tenant_id = str(row["id"])
        given = [store.own_cluster(one, tenant_id) for one in wanted if one not in before]
        taken = [store.disown_cluster(one, tenant_id) for one in before if one not in wanted]
        return [tenant_store.set_owned(row, CLUSTERS, wanted, now), *given, *taken]

    @staticmethod
    def _taken(error: TransactionFailedError, wanted: Mapping[str, str], writes: Sequence[Write]) -> EdgeError:
        refused = [write for index in error.failed if isinstance(write := writes[index], Put)]
        return rules.owned_by_another(sorted(wanted[str(write.item["cluster_id"])] for write in refused))
