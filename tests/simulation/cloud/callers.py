"""Keys of users: made, used, replaced and revoked, by several at once; one that was revoked is refused from then on."""

from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.platform.access.store import API_KEYS
from tests.simulation.cloud.accounts import remember_key
from tests.simulation.cloud.people import PROMISES, ask, some_caller, some_tenant
from tests.simulation.cloud.standing import Caller, note_moves
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.simulation.together import beside
from tests.support.fakes.dynamo import Plan

LOOKS = (
    ("/auth/keys", "identity:read"),
    ("/rbac/roles", "rbac:read"),
    ("/iam/policies", "iam:read"),
    ("/secrets", "secret:read"),
    ("/ssh-keys", "ssh_key:read"),
    ("/audit", "audit:read"),
    ("/vpcs", "vpc:read"),
    ("/billing/summary", "accounting:read"),
    ("/billing/usage", "accounting:read"),
    ("/billing/forecast", "accounting:read"),
)


def _key_of(scene: Scene, by: Caller) -> str:
    """A key of the user's, or of anybody's. Raises `NothingThereError`."""
    keys = [row for row in scene.rows(API_KEYS) if row.get("user")]
    own = [row for row in keys if row["user"] == by.user]
    pool = own if own and scene.rng.random() < 0.8 else keys
    if not pool:
        raise NothingThereError("keys")
    return str(scene.rng.choice(pool)["id"])


def create_user_key(scene: Scene) -> None:
    by = some_caller(scene)
    made = ask(scene, by, "POST", "/auth/keys", needs="identity:create", json={"name": scene.some_name()})
    remember_key(scene, made.data["key"], by.user)


def rotate_user_key(scene: Scene) -> None:
    by = some_caller(scene)
    key = _key_of(scene, by)
    act = scene.rng.choice(("rotate", "regenerate"))
    made = ask(scene, by, "POST", f"/auth/keys/{key}/{act}", needs="identity:delete")
    remember_key(scene, made.data["key"], by.user)
    _check_revoked(scene, key)


def revoke_user_key(scene: Scene) -> None:
    by = some_caller(scene)
    key = _key_of(scene, by)
    ask(scene, by, "DELETE", f"/auth/keys/{key}", needs="identity:delete")
    _check_revoked(scene, key)


def _check_revoked(scene: Scene, key_id: str) -> None:
    scene.recall(_Revoked).ids.add(key_id)
    with scene.holding("what_was_revoked_is_refused"):
        rows = [row for row in scene.rows(API_KEYS) if row["id"] == key_id]
        assert "revoked_at" in rows[0], f"the key {key_id} was revoked, and works"


def replace_a_key_twice(scene: Scene) -> None:
    """Two replace the same keys at once, while others use them."""
    beside(scene, rotate_user_key, rotate_user_key, revoke_user_key, look_around, look_around)


def look_around(scene: Scene) -> None:
    """Somebody looks at some tenant, whose member it may be or not."""
    by = some_caller(scene)
    path, needs = scene.rng.choice(LOOKS)
    tenant = scene.rng.choice((None, some_tenant(scene, by)))
    ask(scene, by, "GET", path, needs=needs, tenant=tenant)


def look_at_the_fleet(scene: Scene) -> None:
    """The same key, as that of a guest."""
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    ask(scene, by, "GET", "/api/v1/nodes", needs="nodes:read", tenant=tenant, api=EDGE_ADMIN.name, key=by.text)


class _Revoked:
    """The ids of the keys whose end was answered."""

    def __init__(self) -> None:
        self.ids: set[str] = set()


def revoked_keys_stay_revoked(scene: Scene) -> None:
    rows = {str(row["id"]): row for row in scene.rows(API_KEYS)}
    back = [each for each in sorted(scene.recall(_Revoked).ids) if "revoked_at" not in rows[each]]
    assert not back, f"keys were revoked, and work: {back}"


def no_key_comes_back(scene: Scene, _operation: str, plan: Plan) -> None:
    """A key that is revoked stays so, and belongs to the user for whom it was made."""
    for write, _key, old, new in plan:
        if write.table is API_KEYS and old is not None:
            assert new is not None, f"the key {old['id']} is gone"
            assert "revoked_at" not in old or "revoked_at" in new, f"the key {old['id']} works again"
            assert old.get("user") == new.get("user"), f"the key {old['id']} is another's"


SIMULATION = Simulation(
    operations=(
        *(create_user_key, rotate_user_key, revoke_user_key, replace_a_key_twice),
        *(look_around, look_around, look_around, look_at_the_fleet),
    ),
    invariants=(revoked_keys_stay_revoked,),
    promises=(*PROMISES, "what_was_revoked_is_refused"),
    watches=(note_moves, no_key_comes_back),
)
