"""What tenants keep: public keys and secrets, added and removed by several at once; counters are a recount."""

from chalicelib.cloud.ssh_keys.store import SSH_KEYS
from chalicelib.kit.tables.tenants import owner_of
from chalicelib.platform.secrets.rules import QUOTA
from chalicelib.platform.secrets.store import SECRETS
from tests.simulation.cloud.people import ask, own_rows, some_caller, some_id, some_tenant
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.simulation.together import beside
from tests.support.ssh_keys import ed25519_key


def keep_secret(scene: Scene) -> None:
    """A secret is kept, and what was kept is read again."""
    by = some_caller(scene)
    tenant, name = some_tenant(scene, by), scene.some_name()
    body = {"name": name, "value": f"value of {tenant}"}
    made = ask(scene, by, "POST", "/secrets", needs="secret:create", tenant=tenant, json=body)
    with scene.holding("keep_secret"):
        assert made.data["tenant_id"] == tenant, f"a secret for {tenant} is in {made.data['tenant_id']}"
    read = ask(scene, by, "GET", f"/secrets/{name}", needs="secret:read", tenant=tenant)
    with scene.holding("keep_secret"):
        shown = read.data["encrypted_value"]
        assert shown in {None, f"value of {tenant}"}, f"{tenant} is shown another value"


def remove_secret(scene: Scene) -> None:
    by = some_caller(scene)
    names = [owner_of(str(row["id"]))[1] for row in scene.rows(SECRETS)]
    if not names:
        raise NothingThereError("secrets")
    path = f"/secrets/{scene.rng.choice(sorted(names))}"
    ask(scene, by, "DELETE", path, needs="secret:delete", tenant=some_tenant(scene, by))


def secrets_change_at_once(scene: Scene) -> None:
    beside(scene, keep_secret, keep_secret, remove_secret)


def add_ssh_key(scene: Scene) -> None:
    by = some_caller(scene)
    body = {"name": scene.some_name(), "public_key": ed25519_key(scene.rng.choice((1, 2, 3)))}
    ask(scene, by, "POST", "/ssh-keys", needs="ssh_key:create", tenant=some_tenant(scene, by), json=body)


def remove_ssh_key(scene: Scene) -> None:
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    key = some_id(scene, SSH_KEYS, tenant)
    ask(scene, by, "DELETE", f"/ssh-keys/{key}", needs="ssh_key:delete", tenant=tenant)


def quotas_of_secrets_are_those_of_the_rows(scene: Scene) -> None:
    quotas = scene.world.platform.quotas
    for tenant in sorted({owner_of(str(row["id"]))[0].id for row in scene.rows(SECRETS)}):
        used, there = quotas.used(tenant, [QUOTA])[QUOTA], len(own_rows(scene, SECRETS, tenant))
        assert used == there, f"{used} secrets of {tenant} are counted, {there} are there"


SIMULATION = Simulation(
    operations=(keep_secret, keep_secret, remove_secret, secrets_change_at_once, add_ssh_key, remove_ssh_key),
    invariants=(quotas_of_secrets_are_those_of_the_rows,),
)
