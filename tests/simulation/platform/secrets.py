"""Secrets: saved and deleted by several callers at once; each can be opened."""

from chalicelib.kit.crypto import Secret
from chalicelib.kit.tables.tenants import owner_of
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.secrets.model import NewSecret
from chalicelib.platform.secrets.store import SECRETS
from tests.simulation.scene import Scene, Simulation


def save_secret(scene: Scene) -> None:
    value = Secret(f"value-{scene.rng.randrange(3)}")
    scene.fleet.secrets.save(NewSecret(scene.some_name(), value))


def delete_secret(scene: Scene) -> None:
    scene.fleet.secrets.delete(scene.some_name())


def _names(scene: Scene) -> list[str]:
    """The names of the operator's secrets."""
    owned = [owner_of(str(row["id"])) for row in scene.rows(SECRETS)]
    return [name for tenant, name in owned if tenant.id == DEFAULT_TENANT]


def every_value_can_be_opened(scene: Scene) -> None:
    names = _names(scene)
    assert set(scene.fleet.secrets.values(names)) == set(names)


SIMULATION = Simulation(
    operations=(save_secret, delete_secret),
    invariants=(every_value_can_be_opened,),
)
