"""Roles and policies of tenants, written, attached and taken away while their members ask for things."""

from collections import Counter

from chalicelib.cloud.permissions import ROLES as OF_ALL
from chalicelib.cloud.roles.store import POLICIES, ROLES
from chalicelib.platform.identity.user_store import USERS
from tests.simulation.cloud.callers import LOOKS, look_around
from tests.simulation.cloud.people import EVERYBODY, ask, own_rows, some_caller, some_id, some_tenant
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.simulation.together import beside

NAMES = ("auditor", "keeper")
HELD = [needs for _, needs in LOOKS]


def create_role(scene: Scene) -> None:
    by = some_caller(scene)
    body = {"name": scene.rng.choice(NAMES), "permissions": scene.rng.sample(HELD, 2)}
    ask(scene, by, "POST", "/rbac/roles", needs="rbac:write", tenant=some_tenant(scene, by), json=body)


def change_role(scene: Scene) -> None:
    by = some_caller(scene)
    tenant, path = some_tenant(scene, by), f"/rbac/roles/{_a_name(scene)}"
    if scene.rng.random() < 0.4:
        ask(scene, by, "DELETE", path, needs="rbac:write", tenant=tenant)
        return
    body = {"permissions": scene.rng.sample(HELD, scene.rng.randint(0, 3))}
    ask(scene, by, "PUT", path, needs="rbac:write", tenant=tenant, json=body)


def change_permission(scene: Scene) -> None:
    """A role gains or loses one permission, beside what others change of it."""
    by = some_caller(scene)
    tenant, path = some_tenant(scene, by), f"/rbac/roles/{_a_name(scene)}/permissions"
    permission = scene.rng.choice(HELD)
    if scene.rng.random() < 0.5:
        ask(scene, by, "DELETE", f"{path}/{permission}", needs="rbac:write", tenant=tenant)
        return
    ask(scene, by, "POST", path, needs="rbac:write", tenant=tenant, json={"permission": permission})


def bind_role(scene: Scene) -> None:
    by = some_caller(scene)
    body = {"user_identifier": scene.rng.choice(EVERYBODY), "role_name": scene.rng.choice((*OF_ALL, *NAMES))}
    ask(scene, by, "POST", "/rbac/bindings", needs="rbac:write", tenant=some_tenant(scene, by), json=body)


def _a_name(scene: Scene) -> str:
    roles = sorted(str(row["name"]) for row in scene.rows(ROLES))
    if not roles:
        raise NothingThereError("roles")
    return scene.rng.choice(roles)


def _policy(scene: Scene) -> dict[str, object]:
    effect = scene.rng.choice(("Deny", "Deny", "Allow"))
    statement = {"effect": effect, "action": scene.rng.sample(HELD, scene.rng.randint(1, 3)), "resource": ["*"]}
    return {"name": scene.rng.choice(("less", "more")), "statements": [statement]}


def create_policy(scene: Scene) -> None:
    by = some_caller(scene)
    ask(scene, by, "POST", "/iam/policies", needs="iam:write", tenant=some_tenant(scene, by), json=_policy(scene))
    attach_policy(scene)


def change_policy(scene: Scene) -> None:
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    path = f"/iam/policies/{some_id(scene, POLICIES, tenant)}"
    if scene.rng.random() < 0.4:
        ask(scene, by, "DELETE", path, needs="iam:write", tenant=tenant)
        return
    ask(scene, by, "PUT", path, needs="iam:write", tenant=tenant, json=_policy(scene))


def attach_policy(scene: Scene) -> None:
    """A policy is attached to, or detached from, a member or a role."""
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    policy = some_id(scene, POLICIES, tenant)
    user = str(scene.some_row(USERS)["id"])
    holder = scene.rng.choice((f"users/{user}", f"roles/{scene.rng.choice((*OF_ALL, *NAMES))}"))
    method = scene.rng.choice(("POST", "POST", "DELETE"))
    ask(scene, by, method, f"/iam/{holder}/policies/{policy}", needs="iam:write", tenant=tenant)


CHANGES = (attach_policy, change_role, change_permission, change_permission, bind_role, change_policy)


def rights_change_while_people_work(scene: Scene) -> None:
    changes = scene.rng.sample((*CHANGES, create_role, create_policy), 2)
    beside(scene, *changes, look_around, look_around, look_around)


def names_are_of_one_role_or_policy(scene: Scene) -> None:
    """Each policy has its name, and each name its policy."""
    for tenant in sorted({str(row["listing"]).partition("|")[0] for row in scene.rows(POLICIES)}):
        rows = own_rows(scene, POLICIES, tenant)
        names = Counter(str(row["name"]) for row in rows if row["id"] != "-")
        taken = Counter(str(row["listing"]).partition("name#")[2] for row in rows if row["id"] == "-")
        assert names == taken, f"the tenant {tenant} has policies {names}, and the names {taken}"


SIMULATION = Simulation(
    operations=(create_role, create_policy, *CHANGES, rights_change_while_people_work),
    invariants=(names_are_of_one_role_or_policy,),
)
