"""The rows of a deleted tenant that this context has: invitations, and the ownership of clusters."""

from chalicelib.cloud.tenancy import store
from chalicelib.cloud.tenancy.rules import CLUSTERS
from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Tables, TransactionFailedError
from chalicelib.platform.identity import tenant_store
from chalicelib.platform.identity.tenant_store import TenantStore


def empty_chunk(tables: Tables, clock: Clock, tenant_id: str, cursor: str | None) -> str | None:
    """Remove the next rows of a deleted tenant; returns the cursor of the next chunk if there are more."""
    following = store.remove_invitations_chunk(tables.scoped(tenant_id), cursor)
    if following is None:
        _disown(tables, clock, tenant_id)
    return following


def _disown(tables: Tables, clock: Clock, tenant_id: str) -> None:
    row = TenantStore(tables).find(tenant_id)
    owned = {} if row is None else tenant_store.owned_by(row, CLUSTERS)
    if row is None or not owned:
        return
    freed = [store.disown_cluster(one, tenant_id) for one in owned]
    try:
        tables.commit([tenant_store.set_owned(row, CLUSTERS, {}, clock.now()), *freed], "tenant.emptied")
    except TransactionFailedError:
        return  # another pass was faster
