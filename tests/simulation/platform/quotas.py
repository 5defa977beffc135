"""Quotas: the counter of each is at all times what its tenant holds, so that a recount finds nothing to correct."""

from collections import Counter

from chalicelib.kit.tables.tenants import owner_of
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from chalicelib.platform.quotas.store import THINGS, USED
from chalicelib.platform.secrets.rules import QUOTA as SECRETS_QUOTA
from chalicelib.platform.secrets.store import SECRETS
from tests.simulation.scene import Scene, Simulation

Held = Counter[tuple[str, str]]
"""How much is held, by tenant and quota."""


def _held(scene: Scene) -> Held:
    held: Held = Counter()
    for row in scene.world.rows():
        if not row.is_released:
            held.update({(row.tenant, quota): amount for quota, amount in row.taken.items()})
    for secret in scene.rows(SECRETS):
        held[owner_of(str(secret["id"]))[0].id, SECRETS_QUOTA] += 1
    return held


def each_quota_is_what_is_held(scene: Scene) -> None:
    """Every counter, also of a tenant that holds nothing any more; and a counter for all that is held."""
    counted: Held = Counter()
    for row in scene.rows(QUOTAS):
        tenant, quota = owner_of(str(row["quota"]))
        if quota != THINGS:
            counted[tenant.id, quota] = int(str(row.get(USED, 0)))
    held = _held(scene)
    off = {key: (counted[key], held[key]) for key in {*counted, *held} if counted[key] != held[key]}
    assert not off, f"quotas that are counted otherwise than held: {off}"


def no_recount_corrects_a_quota(scene: Scene) -> None:
    corrected = scene.told("quota_corrected")
    assert not corrected, f"a recount corrected {corrected}"


SIMULATION = Simulation(invariants=(no_recount_corrects_a_quota,), exact=(each_quota_is_what_is_held,))
