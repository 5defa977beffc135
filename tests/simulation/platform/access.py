"""Named keys: made, used, rotated and revoked; a revoked key never works again."""

from chalicelib.platform.access import key_text
from chalicelib.platform.access.model import NewApiKey, ShownKey
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import root
from chalicelib.platform.access.store import API_KEYS, is_listed
from tests.simulation.scene import NothingThereError, Scene, Simulation

ROOT = root("MASTER_KEY")


def _remember(scene: Scene, shown: ShownKey) -> None:
    scene.api_keys.setdefault(shown.key.id, []).append(shown.text.reveal())


def _holds(scene: Scene, text: str) -> bool:
    """Whether a request with this key would be accepted now."""
    offered = key_text.parse(text)
    assert offered is not None
    return scene.world.platform.callers.named_keys.identify(offered) is not None


def create_key(scene: Scene) -> None:
    wanted = NewApiKey(name=scene.some_name(), role=scene.rng.choice(list(KeyRole)), restrictions={})
    _remember(scene, scene.world.platform.api_keys.create(wanted, ROOT))


def use_key(scene: Scene) -> None:
    if not scene.api_keys:
        raise NothingThereError("keys")
    _holds(scene, scene.rng.choice(scene.api_keys[scene.rng.choice(sorted(scene.api_keys))]))


def rotate_key(scene: Scene) -> None:
    key_id = str(scene.some_row(API_KEYS)["id"])
    _remember(scene, scene.world.platform.api_keys.rotate(key_id, scene.rng.choice((0, 600)), ROOT))


def revoke_key(scene: Scene) -> None:
    scene.world.platform.api_keys.revoke(str(scene.some_row(API_KEYS)["id"]))


def revoked_keys_are_refused(scene: Scene) -> None:
    for row in scene.rows(API_KEYS):
        accepted = [text for text in scene.api_keys.get(str(row["id"]), []) if _holds(scene, text)]
        assert not (accepted and "revoked_at" in row), f"key {row['id']} works, and was revoked"


def keys_are_never_removed(scene: Scene) -> None:
    gone = set(scene.api_keys) - {str(row["id"]) for row in scene.rows(API_KEYS)}
    assert not gone, f"keys vanished: {gone}"


def the_total_of_keys_is_that_of_the_rows(scene: Scene) -> None:
    counted, listed = scene.world.platform.counters.read("api_keys"), [*filter(is_listed, scene.rows(API_KEYS))]
    assert counted == len(listed), f"{counted} keys are counted, {len(listed)} are listed"


SIMULATION = Simulation(
    operations=(create_key, use_key, rotate_key, revoke_key),
    invariants=(revoked_keys_are_refused, keys_are_never_removed, the_total_of_keys_is_that_of_the_rows),
)
