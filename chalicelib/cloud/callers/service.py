"""`Callers`: the places of users, read at each request. A removed member is refused by the next one."""

from chalicelib.cloud.callers import rules
from chalicelib.cloud.callers.model import Admitted, Placed, Rights
from chalicelib.cloud.permissions import ROLES
from chalicelib.cloud.roles.store import RoleStore
from chalicelib.cloud.tenancy.rules import not_a_member
from chalicelib.kit.errors import unauthorized
from chalicelib.kit.tables import Item, Tables
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal
from chalicelib.platform.identity import tenant_store, user_store
from chalicelib.platform.identity.model import Member, User
from chalicelib.platform.identity.user_store import UserStore


class Callers:
    """Two consistent reads for a user, beside that of its key: the user, and its membership together with the tenant;
    a third where the tenant has roles or policies of its own that concern it."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._users = UserStore(tables)

    def resolve(self, principal: Principal, tenant: str | None) -> Admitted:
        """The principal in the ``tenant`` that its request names; None: the one that it works in. Raises `EdgeError`
        (unauthorized) for a user who is gone, (forbidden) for a tenant of which it is not a member."""
        if principal.user:
            user = self._users.find(principal.user)
            if user is None:
                raise unauthorized()
            wanted = tenant or user.tenant
            if not wanted:
                raise not_a_member()
            member, row = self._member(wanted, user.id)
            rights = self._rights(member, row)
            return Admitted(rules.of_member(principal, member, rights), Placed(user, member), row)
        if tenant is None or tenant == principal.tenant:
            return Admitted(principal)
        if not rules.may_work_anywhere(principal):
            raise not_a_member()
        return Admitted(self._anywhere(principal, tenant))

    def home_of(self, user_id: str) -> str:
        """The tenant that a user works in where a request names none; "" for one who is gone. One call."""
        user = self._users.find(user_id)
        return user.tenant if user else ""

    def of_account(self, principal: Principal, member: Member, tenant: str | None) -> Admitted:
        """A service account in the ``tenant`` that its request names, which can only be its own; ``member`` is what it
        is there. Raises `EdgeError` (forbidden) for any other, and for one that is deleted."""
        row = self._tables.get(tenant_store.TENANTS, {"id": member.tenant})
        is_gone = row is None and member.tenant != DEFAULT_TENANT
        if is_gone or (row is not None and tenant_store.is_deleted(row)) or tenant not in {None, member.tenant}:
            raise not_a_member()
        found = row or {}
        return Admitted(rules.of_member(principal, member, self._rights(member, found)), None, found)

    def placed(self, user: User, tenant: str | None = None) -> Placed:
        """The user with its place in a tenant, or in the one that it works in. Raises `EdgeError` (forbidden) if it has
        none there."""
        wanted = tenant or user.tenant
        if not wanted:
            raise not_a_member()
        return Placed(user, self._member(wanted, user.id)[0])

    def _member(self, tenant: str, user_id: str) -> tuple[Member, Item]:
        """The membership of a user, and the row of the tenant. Raises `EdgeError` (forbidden) without one."""
        membership, row = self._tables.get_many(
            [user_store.member_ref(tenant, user_id), tenant_store.tenant_ref(tenant)]
        )
        member = user_store.member_of(membership)
        if member is None or row is None or tenant_store.is_deleted(row):
            raise not_a_member()
        return member, row

    def _rights(self, member: Member, tenant: Item) -> Rights:
        """The rights of a member: one further read if its role is the tenant's own, or policies are attached."""
        policies = [*member.policies, *tenant_store.role_policies_of(tenant).get(member.role, ())]
        own_role = None if member.role in ROLES else member.role
        if own_role is None and not policies:
            return rules.rights_of(member.role, None, [])
        role, found = RoleStore(self._tables.scoped(member.tenant)).granted(own_role, policies)
        return rules.rights_of(member.role, role, found)

    def _anywhere(self, principal: Principal, tenant: str) -> Principal:
        """The operator in a tenant that is there."""
        row = self._tables.get(tenant_store.TENANTS, {"id": tenant})
        if row is None or tenant_store.is_deleted(row):
            raise not_a_member()
        return rules.in_tenant(principal, tenant)
