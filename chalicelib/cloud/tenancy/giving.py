"""`Giving`: the roles that a principal may give in a tenant. It is never more than the principal has."""

from chalicelib.cloud.permissions import OWNER, ROLES
from chalicelib.cloud.roles.rules import ALL, check_allowed, check_given, check_lifted
from chalicelib.cloud.roles.service import Roles
from chalicelib.cloud.tenancy import rules
from chalicelib.kit.errors import found
from chalicelib.kit.finding import check_found
from chalicelib.kit.tables import Item, Tables
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import Principal, PrincipalKind
from chalicelib.platform.identity import tenant_store
from chalicelib.platform.identity.tenant_store import TenantStore
from chalicelib.platform.identity.user_store import UserStore


class Giving:
    """A role gives its permissions, and what its policies allow. The giver needs all of it, and no policy may deny it
    any of that, be it on one thing or under a condition."""

    def __init__(self, tables: Tables, roles: Roles) -> None:
        self._roles = roles
        self._tenants = TenantStore(tables)
        self._users = UserStore(tables)

    def check_new(self, tenant_id: str, role: str, by: Principal) -> Item:
        """As `check`, for a new member; returns the row. Raises `EdgeError` (conflict) too for a second owner, (not
        found) for a tenant that is not there."""
        row = found(self.check(tenant_id, role, by))
        found(None if tenant_store.is_deleted(row) else row)
        rules.check_one_owner(role, None if row.get("owner") is None else str(row["owner"]))
        return row

    def check_other(self, tenant_id: str, old: str, role: str, by: Principal) -> None:
        """As `check`, for one that has the role ``old``. Raises `EdgeError` (forbidden) too for a policy that is
        attached to the old role alone and denies more than the principal may: it would be lifted."""
        attached = tenant_store.role_policies_of(self.check(tenant_id, role, by) or {})
        lifted = [each for each in attached.get(old, ()) if each not in attached.get(role, ())]
        for policy in self._roles.granted(tenant_id, OWNER, lifted)[1]:
            check_lifted(policy, by)

    def check(self, tenant_id: str, role: str, by: Principal) -> Item | None:
        """The row of the tenant. Raises `EdgeError` (validation failed) for an unknown role, (forbidden) for one that
        may do more than the principal, or that a policy denies it. Two reads at most, and one for a role that the
        tenant has changed."""
        rules.check_role(role, self.role_of(tenant_id, by))
        row = self._tenants.find(tenant_id)
        attached = tenant_store.role_policies_of(row or {}).get(role, [])
        own, policies = self._roles.granted(tenant_id, role, attached)
        check_found(role, *([own.id] if own else []))
        if role in ROLES:
            granted = ROLES[role]
            check_given([ALL] if granted is None else granted, by)
        elif own is None:
            raise rules.unknown_role(role, self._roles.names(tenant_id))
        else:
            check_given(own.permissions, by)
        for policy in policies:
            check_allowed(policy, by)
        return row

    def role_of(self, tenant_id: str, by: Principal) -> str:
        """The role up to which the principal may give roles in the tenant: that of its user, or owner for the operator;
        "" for a key that has fewer rights than an admin, and for a program, which makes neither owners nor admins."""
        if by.role is not KeyRole.ADMIN or by.kind is PrincipalKind.SERVICE_ACCOUNT:
            return ""
        if not by.user:
            return OWNER
        member = self._users.member(tenant_id, by.user)
        return member.role if member else ""
