"""Who may do what in the cloud just now, worked out from the rows by itself; and what has changed that says so."""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.cloud.permissions import OF_EVERY_USER, ROLES
from chalicelib.cloud.roles.store import POLICIES
from chalicelib.cloud.roles.store import ROLES as OWN_ROLES
from chalicelib.cloud.service_accounts.store import ACCOUNTS
from chalicelib.kit.tables import Item, Table
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import MEMBERS, USERS
from tests.simulation.scene import Scene
from tests.support.fakes.dynamo import Plan
from tests.support.tenant_watch import WORKING

Subject = tuple[str, ...]

_SAYING = {
    API_KEYS.name: ("id", "revoked_at"),
    USERS.name: ("id", "tenant", "tenants", "deleted_at"),
    MEMBERS.name: ("user_id", "role", "policies"),
    TENANTS.name: ("id", "deleted_at", "role_policies"),
    OWN_ROLES.name: ("name", "permissions"),
    POLICIES.name: ("id", "statements"),
    ACCOUNTS.name: ("id", "enabled", "role", "policies", "secrets"),
}
"""The attributes that say who may do what, by table."""


@dataclass(frozen=True)
class Caller:
    """Who asks: by a key of a ``user``, or by a token of a service account, which has its ``tenant``. ``end`` is that
    of the token, in seconds of Unix time."""

    text: str
    key_id: str = ""
    user: str = ""
    tenant: str = ""
    account: str = ""
    secret_id: str = ""
    end: float = 0.0
    address: str = "203.0.113.7"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text}"} if self.account else {"X-API-Key": self.text}


class _Moves:
    """The changes of what callers may: their number, and the last of each subject."""

    def __init__(self) -> None:
        self.count = 0
        self.last: dict[Subject, int] = {}


def note_moves(scene: Scene, _operation: str, plan: Plan) -> None:
    """Watches all rows by which callers are admitted."""
    moves, reach = scene.recall(_Moves), WORKING.get()
    for write, _key, old, new in plan:
        name = write.table.name
        if reach is not None:
            reach.wrote.add(name)
        if any((old or {}).get(each) != (new or {}).get(each) for each in _SAYING.get(name, ())):
            moves.count += 1
            moves.last[_subject(name, new or old or {})] = moves.count


def moves_so_far(scene: Scene) -> int:
    return scene.recall(_Moves).count


def has_moved(scene: Scene, by: Caller, tenant: str, since: int) -> bool:
    """Whether anything changed after so many moves that says what the caller may in a tenant."""
    last = scene.recall(_Moves).last
    subjects = (
        *((API_KEYS.name, by.key_id), (USERS.name, by.user), (MEMBERS.name, tenant, by.user)),
        *((each.name, tenant) for each in (TENANTS, OWN_ROLES, POLICIES)),
        (ACCOUNTS.name, by.account),
    )
    return any(last.get(each, 0) > since for each in subjects)


def _subject(table: str, row: Item) -> Subject:
    if table == MEMBERS.name:
        return table, str(row["tenant"]), str(row["user_id"])
    if table in {OWN_ROLES.name, POLICIES.name}:
        return table, str(row["listing"]).partition("|")[0]
    return table, str(row["id"]).rpartition("|")[2]


def working_tenant(scene: Scene, by: Caller, named: str | None) -> str:
    """The tenant that a request of the caller works in, which may name one; "" for one without a place there."""
    if by.account:
        is_own = named in {None, by.tenant}
        return by.tenant if is_own and tenant_row(scene, by.tenant) else ""
    user = _row(scene, USERS, id=by.user) if by.user else None
    if user is None or "deleted_at" in user:
        return ""
    tenant = named or str(user["tenant"])
    if not tenant:
        return ""
    return tenant if _row(scene, MEMBERS, tenant=tenant, user_id=by.user) and tenant_row(scene, tenant) else ""


def tenant_row(scene: Scene, tenant: str) -> Item | None:
    """The row of a tenant that is not deleted."""
    row = _row(scene, TENANTS, id=tenant)
    return None if row is None or "deleted_at" in row else row


def may(scene: Scene, by: Caller, tenant: str, permission: str) -> bool:
    """Whether the caller may do this in the tenant that it works in, "" for none."""
    if not tenant:
        return False
    if by.account:
        account: Any = _row(scene, ACCOUNTS, id=f"{tenant}|{by.account}")
        is_good = account is not None and account["enabled"] and scene.world.clock.now().timestamp() < by.end
        is_known = is_good and by.secret_id in {one["id"] for one in account["secrets"]}
        return is_known and _grants(scene, tenant, account, permission)
    key, member = _row(scene, API_KEYS, id=by.key_id), _row(scene, MEMBERS, tenant=tenant, user_id=by.user)
    is_known = key is not None and "revoked_at" not in key and member is not None
    return is_known and _grants(scene, tenant, member or {}, permission)


def _grants(scene: Scene, tenant: str, holder: Item, permission: str) -> bool:
    role, row = str(holder["role"]), tenant_row(scene, tenant) or {}
    of_roles: Any = row.get("role_policies") or {}
    policies: Any = holder.get("policies") or ()
    effects = {
        one["effect"]
        for each in {*policies, *of_roles.get(role, ())}
        for one in _statements(scene, tenant, str(each))
        if permission in one["action"]
    }
    if effects:
        return "Deny" not in effects
    if role in ROLES:
        granted = ROLES[role]
        return granted is None or permission in granted
    own: Any = _row(scene, OWN_ROLES, listing=f"{tenant}|roles", name=role) or {"permissions": ()}
    return "*" in own["permissions"] or permission in {*own["permissions"], *OF_EVERY_USER}


def _statements(scene: Scene, tenant: str, policy_id: str) -> list[dict[str, Any]]:
    """Those of a policy; in these histories they name whole permissions, all things, and no conditions."""
    policy = _row(scene, POLICIES, listing=f"{tenant}|policies", id=policy_id)
    return [] if policy is None else json.loads(str(policy["statements"]))


def _row(scene: Scene, table: Table, **key: str) -> Item | None:
    return scene.world.driver.row(table, key)
