"""Buckets of tenants: made, changed and removed by several at once."""

from typing import Any

from chalicelib.cloud.storage.model import BUCKET
from chalicelib.cloud.storage.rules import spec_of
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import MEMBERS
from tests.simulation.cloud.people import MOSTLY, ask, keys_alive, some_caller
from tests.simulation.cloud.standing import Caller
from tests.simulation.cloud.things import things_of
from tests.simulation.engine.s3 import SimulatedS3
from tests.simulation.scene import NothingThereError, Scene

NAMES = ("photos", "films")
READ, WRITE, DELETE = "storage:read", "storage:write", "storage:delete"


def s3(scene: Scene) -> SimulatedS3:
    client: SimulatedS3 = scene.world.object_client
    return client


def _placed(scene: Scene) -> tuple[Caller, str]:
    """A caller, and a tenant of its that may have buckets; sometimes another one. Raises `NothingThereError`."""
    granted = {str(row["id"]) for row in scene.rows(TENANTS) if "buckets" in str(row.get("quotas"))}
    places = [(str(row["tenant"]), str(row["user_id"])) for row in scene.rows(MEMBERS) if row["tenant"] in granted]
    users = {user for _, user in places}
    keys = [key for key in keys_alive(scene) if key.user in users]
    if not granted:
        raise NothingThereError("tenants with buckets")
    if not keys or scene.rng.random() > MOSTLY:
        return some_caller(scene), scene.rng.choice(sorted(granted))
    by = scene.rng.choice(keys)
    return by, scene.rng.choice(sorted(tenant for tenant, user in places if user == by.user))


def in_bucket(scene: Scene) -> tuple[Caller, str, str]:
    """A caller, and the tenant and name of a bucket, which is made if there is none; sometimes that of another one.
    Raises `NothingThereError` and `RefusedError`."""
    by, tenant = _placed(scene)
    names = sorted(row.name for row in things_of(scene, BUCKET) if row.tenant == tenant and not row.is_released)
    if not names:
        _make(scene, by, tenant)
    return by, tenant, scene.rng.choice(names if names and scene.rng.random() < MOSTLY else NAMES)


def _make(scene: Scene, by: Caller, tenant: str) -> None:
    body = {"name": scene.rng.choice(NAMES)}
    ask(scene, by, "POST", "/storage/buckets", needs=WRITE, tenant=tenant, json=body)


def _change(scene: Scene, method: str, needs: str, part: str = "", **options: Any) -> None:
    by, tenant, name = in_bucket(scene)
    ask(scene, by, method, f"/storage/buckets/{name}{part}", needs=needs, tenant=tenant, **options)


def make_bucket(scene: Scene) -> None:
    _make(scene, *_placed(scene))


def delete_bucket(scene: Scene) -> None:
    _change(scene, "DELETE", DELETE, scene.rng.choice(("", "?force=true")))


def set_versioning(scene: Scene) -> None:
    _change(scene, "PATCH", WRITE, "/versioning", json={"enabled": scene.rng.choice((True, True, False))})


def change_rules(scene: Scene) -> None:
    """A rule for the end of objects is added, or one is taken away."""
    rules = sorted(rule.id for row in things_of(scene, BUCKET) for rule in spec_of(row).rules)
    if rules and scene.rng.random() < 0.4:
        _change(scene, "DELETE", DELETE, f"/lifecycle/{scene.rng.choice(rules)}")
        return
    _change(scene, "POST", WRITE, "/lifecycle", json={"prefix": scene.rng.choice(("tmp/", "x/")), "expiration_days": 3})


OPERATIONS = (make_bucket, delete_bucket, set_versioning, change_rules)
