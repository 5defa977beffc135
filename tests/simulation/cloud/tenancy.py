"""Tenants with quotas, none of which ever takes more than it was granted, and with people (`places`)."""

from chalicelib.kit.tables.tenants import owner_of
from chalicelib.platform.identity.model import TenantFacts
from chalicelib.platform.identity.tenant_store import TENANTS as ROWS
from chalicelib.platform.identity.tenant_store import put_tenant
from chalicelib.platform.quotas.rules import INSTANCES, MEMORY_MB, STORAGE_GB, VCPUS
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from chalicelib.platform.quotas.store import USED
from tests.simulation.cloud import owning, places
from tests.simulation.cloud.things import TENANTS, cloud
from tests.simulation.scene import Scene, Simulation
from tests.support.fakes.dynamo import Plan

GRANTED = {"instances": 2, "vpcs": 2, "elastic_ips": 2, "storage_gb": 10, "memory_gb": 3, "vcpus": 3}
MOST = {
    INSTANCES: 2,
    "vpcs": 2,
    "internet_gateways": 2,
    "elastic_ips": 2,
    STORAGE_GB: 10,
    MEMORY_MB: 3 * 1024,
    VCPUS: 3,
}
"""The same by the names of the counters."""


def register_tenants(scene: Scene) -> None:
    """The operator makes the tenants, and grants each its quotas."""
    known = {row["id"] for row in scene.rows(ROWS)}
    now = scene.world.clock.now()
    for tenant in sorted({*TENANTS} - known):
        facts = TenantFacts(id=tenant, name=tenant, tier="", granted=GRANTED)
        scene.world.platform.tables.try_write(put_tenant(facts, "", now), "tenant.created")


class _Registered:
    """The tenants whose quotas hold."""

    def __init__(self) -> None:
        self.ids: set[str] = set()


def nobody_takes_more_than_was_granted(scene: Scene, _operation: str, plan: Plan) -> None:
    registered = scene.recall(_Registered).ids
    for write, _key, old, row in plan:
        if write.table is ROWS and row is not None:
            registered.add(str(row["id"]))
        if write.table is QUOTAS and row is not None:
            tenant, quota = owner_of(str(row["quota"]))
            before, used = (int(str((each or {}).get(USED, 0))) for each in (old, row))
            most = MOST.get(quota, used) if tenant.id in registered & {*TENANTS} else used
            assert used <= max(most, before), f"{tenant.id} takes {used} of {most} {quota}"


def grant_quotas(scene: Scene) -> None:
    """The operator grants less than before, or as much again."""
    granted = {name: scene.rng.choice((0, most, most)) for name, most in GRANTED.items()}
    cloud(scene).tenancy.grant(scene.rng.choice(TENANTS), granted)


SIMULATION = Simulation(
    openings=(register_tenants, *places.OPENINGS),
    operations=(register_tenants, grant_quotas, *places.OPERATIONS, *owning.OPERATIONS),
    invariants=(*places.INVARIANTS, *owning.INVARIANTS),
    watches=(nobody_takes_more_than_was_granted, *places.WATCHES, *owning.WATCHES),
    promises=owning.PROMISES,
)
