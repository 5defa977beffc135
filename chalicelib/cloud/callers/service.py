"""`Callers`: the places of users, read at each request. A removed member is refused by the next one."""

from chalicelib.cloud.callers import rules
from chalicelib.cloud.callers.model import Admitted, Placed
from chalicelib.cloud.tenancy.rules import not_a_member
from chalicelib.kit.errors import unauthorized
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity import tenant_store, user_store
from chalicelib.platform.identity.model import User
from chalicelib.platform.identity.user_store import UserStore


class Callers:
    """Two consistent reads for a user, beside that of its key: the user, and its place together with the tenant."""

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
            placed = self.placed(user, tenant)
            return Admitted(rules.of_member(principal, placed.member), placed)
        if tenant is None or tenant == principal.tenant:
            return Admitted(principal)
        if not rules.may_work_anywhere(principal):
            raise not_a_member()
        return Admitted(self._anywhere(principal, tenant))

    def placed(self, user: User, tenant: str | None = None) -> Placed:
        """The user with its place in a tenant, or in the one that it works in. Raises `EdgeError` (forbidden) if it has
        none there."""
        wanted = tenant or user.tenant
        if not wanted:
            raise not_a_member()
        refs = [user_store.member_ref(wanted, user.id), tenant_store.tenant_ref(wanted)]
        membership, row = self._tables.get_many(refs)
        member = user_store.member_of(membership)
        if member is None or row is None or tenant_store.is_deleted(row):
            raise not_a_member()
        return Placed(user, member)

    def _anywhere(self, principal: Principal, tenant: str) -> Principal:
        """The operator in a tenant that is there."""
        row = self._tables.get(tenant_store.TENANTS, {"id": tenant})
        if row is None or tenant_store.is_deleted(row):
            raise not_a_member()
        return rules.in_tenant(principal, tenant)
