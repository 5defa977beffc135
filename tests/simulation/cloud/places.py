"""Tenants, their members and invitations, changed by several at once; each tenant has one owner, or is deleted."""

from collections.abc import Callable

from chalicelib.cloud.permissions import OWNER
from chalicelib.cloud.tenancy.store import INVITATIONS, OWNED, SLUGS
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import MEMBERS, USERS
from chalicelib.platform.identity.verification_store import USER_REGISTERED
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.store import RESOURCES
from chalicelib.platform.quotas.store import TABLE as QUOTAS
from tests.simulation.cloud.accounts import register_by_invitation
from tests.simulation.cloud.people import (
    ADA,
    BOB,
    EVERYBODY,
    INVITATION,
    MOSTLY,
    OPERATOR,
    ask,
    keys_alive,
    mailed,
    own_rows,
    some_caller,
    some_id,
    some_tenant,
)
from tests.simulation.cloud.standing import Caller, tenant_row
from tests.simulation.scene import NothingThereError, Scene
from tests.simulation.together import beside
from tests.support.declared import FAMILIES
from tests.support.fakes.dynamo import Plan

ROLES = ("admin", "developer", "viewer", "auditor")
SLUGS_WANTED = ("cranks", "levers")
SECONDS_FOR_A_MAIL = 40
QUOTAS_GRANTED = {"max_vpcs": 3, "max_buckets": 2}

KEPT_OF_A_TENANT = {"id", "deleted_at", "updated_at", "inserted_at", "owned", "version", "changed_by"}


def people_move_in(scene: Scene) -> None:
    """The operator makes a tenant; its owner and another one are invited, register and log in."""
    made = ask(scene, OPERATOR, "POST", "/tenants", json={"name": "Gears", "slug": "gears"})
    tenant = str(made.data["id"])
    ask(scene, OPERATOR, "PUT", f"/tenants/{tenant}/quotas", json=QUOTAS_GRANTED)
    for address, role in ((ADA, OWNER), (BOB, "admin")):
        body = {"email": address, "role": role}
        ask(scene, OPERATOR, "POST", f"/tenants/{tenant}/invitations", json=body)
    scene.wait(SECONDS_FOR_A_MAIL)
    for address in (ADA, BOB):
        beside(scene, register_by_invitation, address=address)


def create_tenant(scene: Scene) -> None:
    by = scene.rng.choice((OPERATOR, some_caller(scene)))
    body = {"name": "Made by one", "slug": scene.rng.choice(SLUGS_WANTED)}
    ask(scene, by, "POST", "/tenants", needs="" if by is OPERATOR else "tenant:create", json=body)


def two_want_a_slug(scene: Scene) -> None:
    beside(scene, create_tenant, create_tenant)


def switch_tenant(scene: Scene) -> None:
    by = some_caller(scene)
    ask(scene, by, "POST", f"/tenants/{some_tenant(scene, by)}/switch")


def _in_tenant(scene: Scene, method: str, path: str, by: Caller | None = None, **options: object) -> str:
    """A request to change members of some tenant; returns the tenant."""
    by = by or some_caller(scene)
    tenant = some_tenant(scene, by)
    path = f"/tenants/{tenant}/{path}"
    ask(scene, by, method, path, needs="tenant:update", tenant=tenant, in_path=True, **options)
    return tenant


def add_member(scene: Scene) -> None:
    body = {"email": scene.rng.choice(EVERYBODY), "role": scene.rng.choice(ROLES)}
    _in_tenant(scene, "POST", "members", json=body)


def _some_user(scene: Scene) -> str:
    return str(scene.some_row(USERS)["id"])


def change_member(scene: Scene) -> None:
    _in_tenant(scene, "PATCH", f"members/{_some_user(scene)}", json={"role": scene.rng.choice(ROLES)})


def remove_member(scene: Scene) -> None:
    _in_tenant(scene, "DELETE", f"members/{_some_user(scene)}")


def leave_tenant(scene: Scene) -> None:
    by = some_caller(scene)
    ask(scene, by, "POST", f"/tenants/{some_tenant(scene, by)}/leave")


def members_change_at_once(scene: Scene) -> None:
    """Admins change the same places at the same moment."""
    beside(
        scene,
        *scene.rng.sample((add_member, add_member, change_member, remove_member, leave_tenant, accept_invitation), 3),
    )


def invite(scene: Scene) -> None:
    """Somebody is invited, mostly one without a place there, and mostly comes. Its inviter
    may lose its own place meanwhile."""
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    members = {str(row["user_id"]) for row in scene.rows(MEMBERS) if row["tenant"] == tenant}
    strangers = sorted(
        {*EVERYBODY} - {str(row["email"]) for row in scene.rows(USERS) if row["id"] in members and "email" in row}
    )
    address = scene.rng.choice(strangers if strangers and scene.rng.random() < MOSTLY else EVERYBODY)
    body = {"email": address, "role": scene.rng.choice((*ROLES, OWNER))}
    path = f"/tenants/{tenant}/invitations"
    ask(scene, by, "POST", path, needs="tenant:update", tenant=tenant, in_path=True, json=body)
    scene.wait(scene.rng.uniform(1, 60))
    for way in scene.rng.choice(((_come, _come), (_come, remove_member))):
        beside(scene, way, **({} if way is remove_member else {"address": address}))


def _come(scene: Scene, address: str) -> None:
    """Somebody takes the place that is offered to an address: as its user, or registers."""
    users = {str(row["id"]) for row in scene.rows(USERS) if row.get("email") == address}
    keys = [key for key in keys_alive(scene) if key.user in users]
    if not keys:
        register_by_invitation(scene, address)
        return
    ask(scene, scene.rng.choice(keys), "POST", f"/tenants/invitations/{mailed(scene, address, INVITATION)}/accept")


def accept_invitation(scene: Scene) -> None:
    by = some_caller(scene)
    user = next((row for row in scene.rows(USERS) if row["id"] == by.user and "email" in row), None)
    if user is None:
        raise NothingThereError("users")
    ask(scene, by, "POST", f"/tenants/invitations/{mailed(scene, str(user['email']), INVITATION)}/accept")


def withdraw_invitation(scene: Scene) -> None:
    by = some_caller(scene)
    _in_tenant(scene, "DELETE", f"invitations/{some_id(scene, INVITATIONS, some_tenant(scene, by))}", by)


def delete_tenant(scene: Scene) -> None:
    by = some_caller(scene)
    tenant = some_tenant(scene, by)
    ask(scene, by, "DELETE", f"/tenants/{tenant}", needs="tenant:delete", tenant=tenant, in_path=True)


def empty_and_delete_a_tenant(scene: Scene) -> None:
    """A user makes a tenant and deletes it, while the same user makes things in it, and the operator gives it more."""
    alive = keys_alive(scene)
    if not alive:
        raise NothingThereError("keys")
    by = scene.rng.choice(alive)
    body = {"name": "Brief", "slug": f"brief-{scene.rng.randrange(1000)}"}
    tenant = str(ask(scene, by, "POST", "/tenants", needs="tenant:create", json=body).data["id"])
    ask(scene, OPERATOR, "PUT", f"/tenants/{tenant}/quotas", json=QUOTAS_GRANTED)

    if scene.rng.random() < 0.5:
        _give_cluster(scene, by, tenant)
    acts = (*map(_making_after, MAKING_SECONDS), _invite_there, _give_cluster)
    beside(scene, _end, *acts, by=by, tenant=tenant)


THINGS = (
    ("/secrets", "secret:create", {"name": "late", "value": "a value"}),
    ("/vpcs", "vpc:create", {"name": "late", "cidr_block": "10.9.0.0/16"}),
    ("/rbac/roles", "rbac:write", {"name": "late"}),
    ("/iam/service-accounts", "service_account:create", {"name": "late", "role": "viewer"}),
)


MAKING_SECONDS = (0.0, 0.012, 0.024, 0.036)
"""When things are made, after the end of a tenant has begun: at one of its calls or another."""

QUOTA_TAKING = 2
"""The first of them take a quota, by which alone the end of a tenant tells that it has them."""


def _end(scene: Scene, by: Caller, tenant: str) -> None:
    scene.wait(scene.rng.uniform(0, 0.05))
    ask(scene, by, "DELETE", f"/tenants/{tenant}", needs="tenant:delete", tenant=tenant, in_path=True)


def _give_cluster(scene: Scene, by: Caller, tenant: str) -> None:
    """The operator gives it a cluster that no tenant has, if there is one."""
    del by
    owned = {row["cluster_id"] for row in scene.rows(OWNED)}
    names = sorted(str(row["name"]) for row in scene.rows(CLUSTERS) if row["id"] not in owned)
    given = scene.rng.sample(names, min(len(names), 1))
    ask(scene, OPERATOR, "PUT", f"/tenants/{tenant}/clusters", json={"clusters": given})


def _making_after(seconds: float) -> Callable[[Scene, Caller, str], None]:
    def make_in_a_moment(scene: Scene, by: Caller, tenant: str) -> None:
        scene.wait(seconds)
        _make(scene, by, tenant)

    return make_in_a_moment


def _make(scene: Scene, by: Caller, tenant: str) -> None:
    path, needs, sent = scene.rng.choice((*THINGS[:QUOTA_TAKING] * 2, *THINGS))
    ask(scene, by, "POST", path, needs=needs, tenant=tenant, json=sent)


def _invite_there(scene: Scene, by: Caller, tenant: str) -> None:
    path, sent = f"/tenants/{tenant}/invitations", {"email": scene.rng.choice(EVERYBODY), "role": "viewer"}
    ask(scene, by, "POST", path, needs="tenant:update", tenant=tenant, in_path=True, json=sent)


# -- what holds ------------------------------------------------------------------------------------------------------


def each_tenant_has_one_owner(scene: Scene) -> None:
    """But one that the operator made may have none yet; and one slug, which is its own."""
    places = scene.rows(MEMBERS)
    for row in scene.rows(TENANTS):
        tenant = str(row["id"])
        owners = [str(each["user_id"]) for each in places if each["tenant"] == tenant and each["role"] == OWNER]
        named = [str(row["owner"])] if row.get("owner") else []
        assert owners == named, f"the tenant {tenant} names the owner {named}, and has {owners}"
    slugs = {str(row["slug"]): str(row["tenant_id"]) for row in scene.rows(SLUGS)}
    of_tenants = {str(row["slug"]): str(row["id"]) for row in scene.rows(TENANTS) if row.get("slug")}
    assert slugs == of_tenants, f"slugs are of {slugs}, tenants have {of_tenants}"


def places_are_those_of_users(scene: Scene) -> None:
    """What a user's row says is what the rows of members say, and it works in one of these tenants."""
    places = {(str(row["tenant"]), str(row["user_id"])) for row in scene.rows(MEMBERS)}
    users = [row for row in scene.rows(USERS) if "deleted_at" not in row]
    told = {(str(tenant), str(row["id"])) for row in users for tenant in row.get("tenants") or ()}
    assert places == told, f"places that only one side knows: {places ^ told}"
    placed = [row for row in users if row["tenants"]]  # one may have left the last tenant that it had
    lost = [str(row["id"]) for row in placed if (str(row["tenant"]), str(row["id"])) not in places]
    assert not lost, f"users work where they have no place: {lost}"
    gone = [tenant for tenant, _ in places if tenant_row(scene, tenant) is None]
    assert not gone, f"places in tenants that are gone: {gone}"


def nothing_is_left_of_tenants_that_ended(scene: Scene) -> None:
    """But its row without names, its counters, its bills and its log, and for an hour rows of things that are gone."""
    gone = {str(row["id"]) for row in scene.rows(TENANTS) if "deleted_at" in row}
    for row in scene.rows(TENANTS):
        left = set(row) - KEPT_OF_A_TENANT
        assert row["id"] not in gone or not left, f"the tenant {row['id']} has ended, and its row has {sorted(left)}"
    for table in FAMILIES.tables:
        if table.tenanted and table.name not in {QUOTAS.name, RESOURCES.name} and not table.name.startswith("bill"):
            left_over = [each for tenant in sorted(gone) for each in own_rows(scene, table, tenant, table.partition)]
            assert not left_over, f"{table.name} of tenants that have ended: {left_over[:3]}"
    held = [row.id for row in scene.world.rows() if row.tenant in gone and row.state is not State.GONE]
    assert not held, f"things of tenants that have ended: {held}"
    owned = [row["cluster_id"] for row in scene.rows(OWNED) if row["tenant_id"] in gone]
    assert not owned, f"clusters of tenants that have ended: {owned}"


class _Gone:
    """The keys of rows that are gone for good, by table."""

    def __init__(self) -> None:
        self.keys: set[tuple[str, str]] = set()


def what_is_gone_stays_away(scene: Scene, _operation: str, plan: Plan) -> None:
    """A user, tenant or invitation that ended is never there again."""
    gone = scene.recall(_Gone).keys
    for write, _key, old, new in plan:
        name = write.table.name
        if name in {TENANTS.name, USERS.name} and new is not None:
            assert "deleted_at" in new or "deleted_at" not in (old or {}), f"{new['id']} of {name} came back"
        row = new or old
        if name == INVITATIONS.name and row is not None:  # a removal may find none any more
            key = (name, str(row["id"]))
            assert new is None or key not in gone, f"the invitation {key[1]} came back"
            if new is None:
                gone.add(key)


def an_inviter_has_a_place_when_its_guest_comes(scene: Scene, operation: str, plan: Plan) -> None:
    """Where it is a user: no one who was removed lets others, or itself, in."""
    if operation not in {"tenant.joined", USER_REGISTERED}:
        return
    for write, _key, old, new in plan:
        if write.table.name != INVITATIONS.name or old is None or new is not None:
            continue
        tenant, kind, by = (str(old["listing"]).partition("|")[0], *str(old["inviter"]).split(":", 1), "")[:3]
        key = scene.world.driver.row(API_KEYS, {"id": by}) if kind == "key" else None
        if key and key.get("user"):
            place = scene.world.driver.row(MEMBERS, {"tenant": tenant, "user_id": str(key["user"])})
            assert place, f"{key['user']} has no place in {tenant}, and its invitation {old['id']} gives one"


OPENINGS = (people_move_in,)
OPERATIONS = (
    *(create_tenant, two_want_a_slug, switch_tenant, leave_tenant, add_member, change_member, remove_member),
    *(members_change_at_once, members_change_at_once, invite, invite, accept_invitation, withdraw_invitation),
    delete_tenant,
    *(empty_and_delete_a_tenant,) * 4,
)
INVARIANTS = (each_tenant_has_one_owner, places_are_those_of_users, nothing_is_left_of_tenants_that_ended)
WATCHES = (what_is_gone_stays_away, an_inviter_has_a_place_when_its_guest_comes)
