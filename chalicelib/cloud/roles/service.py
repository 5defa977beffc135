"""`Roles`: the roles of a tenant."""

from collections.abc import Callable, Collection, Sequence

from chalicelib.cloud.commits import changed_meanwhile, commit_of_tenant
from chalicelib.cloud.names import check_count
from chalicelib.cloud.permissions import ROLES
from chalicelib.cloud.roles import rules, store
from chalicelib.cloud.roles.model import Policy, Role
from chalicelib.cloud.roles.store import RoleStore
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, found, not_found, taken
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Delete, Put, Tables, Update
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity import tenant_store
from chalicelib.platform.identity.tenant_store import TenantStore
from chalicelib.platform.identity.user_store import UserStore


class Roles:
    """Those that every tenant has, and those of its own. ``by`` gives no more than it has itself. Each change touches
    the tenant's row, which the audit log tells. ``known`` names the permissions of all families,
    ``given`` the roles that accounts of a tenant have and its open invitations offer."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        known: Callable[[], Collection[str]],
        given: Callable[[str], Collection[str]],
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._users = UserStore(tables)
        self._tenants = TenantStore(tables)
        self._known = known
        self._given = given

    def all(self, tenant_id: str) -> list[Role]:
        """Those that every tenant has first, the others by name."""
        return [*map(_built_in, ROLES), *self._store(tenant_id).roles()]

    def names(self, tenant_id: str) -> list[str]:
        """The names of all roles of a tenant."""
        return [role.name for role in self.all(tenant_id)]

    def get(self, tenant_id: str, name_or_id: str) -> Role:
        """A role by its name or id. Raises `EdgeError` (not found)."""
        role = found(next((role for role in self.all(tenant_id) if name_or_id in {role.name, role.id}), None))
        check_found(role.id, role.name)
        return role

    def granted(self, tenant_id: str, name: str, policy_ids: Sequence[str]) -> tuple[Role | None, list[Policy]]:
        """A role of the tenant's own by its name, None for one that every tenant has, and the policies of these ids,
        without deleted ones. One call, none where nothing is asked for."""
        own = None if name in ROLES else name
        return (None, []) if own is None and not policy_ids else self._store(tenant_id).granted(own, policy_ids)

    def create(self, tenant_id: str, name: str, description: str, permissions: Collection[str], by: Principal) -> Role:
        """Raises `EdgeError` (validation failed, forbidden), and (conflict) for a name that is taken."""
        rules.check_role_name(name)
        given = rules.check_permissions(permissions, by, self._known)
        check_count("roles", len(self._store(tenant_id).roles()), rules.MOST_ROLES)
        now = self._clock.now()
        at = to_seconds_text(now)
        made = Role(
            id=self._ids.uuid7(now),
            name=name,
            description=description,
            permissions=given,
            inserted_at=at,
            updated_at=at,
        )
        self._write(tenant_id, store.put_role(made), made, taken("name"))
        return made

    def change(
        self,
        tenant_id: str,
        name_or_id: str,
        by: Principal,
        *,
        description: str | None = None,
        permissions: Collection[str] | None = None,
    ) -> Role:
        """The role with another description, or other permissions. Raises `EdgeError` (not found, validation failed,
        forbidden), and (conflict) for a role that every tenant has."""
        old = self._own(tenant_id, name_or_id)
        values = {
            "description": old.description if description is None else description,
            "permissions": old.permissions
            if permissions is None
            else rules.check_permissions(permissions, by, self._known),
            "updated_at": to_seconds_text(self._clock.now()),
        }
        new = old.model_copy(update=values)
        self._write(tenant_id, store.replace_role(old, new), new, changed_meanwhile())
        return new

    def add_permission(self, tenant_id: str, name_or_id: str, permission: str, by: Principal) -> Role:
        """As `change`."""
        old = self._own(tenant_id, name_or_id)
        return self.change(tenant_id, name_or_id, by, permissions=[*old.permissions, permission])

    def remove_permission(self, tenant_id: str, name_or_id: str, permission: str) -> Role:
        """As `change`; raises `EdgeError` (not found) for one that the role lacks."""
        old = self._own(tenant_id, name_or_id)
        if permission not in old.permissions:
            raise not_found()
        left = tuple(one for one in old.permissions if one != permission)
        new = old.model_copy(update={"permissions": left, "updated_at": to_seconds_text(self._clock.now())})
        self._write(tenant_id, store.replace_role(old, new), new, changed_meanwhile())
        return new

    def delete(self, tenant_id: str, name_or_id: str) -> None:
        """Delete a role, and what was attached to it: a later role of that name begins without. Raises `EdgeError` (not
        found), and (conflict) for a role that every tenant, a member, an account or an invitation has. One that gets it
        at the same moment may do the least, as with any unknown role."""
        old = self._own(tenant_id, name_or_id)
        given = {*self._given(tenant_id), *(member.role for member in self._users.members_in(tenant_id))}
        if old.name in given:
            raise rules.in_use(old.name)
        row = self._tenants.find(tenant_id) or {}
        attached = tenant_store.role_policies_of(row)
        touch = None
        if attached.pop(old.name, None) is not None:
            touch = tenant_store.set_role_policies(row, attached, self._clock.now())
        self._write(tenant_id, store.delete_role(old), None, changed_meanwhile(), touch)

    def _own(self, tenant_id: str, name_or_id: str) -> Role:
        role = self.get(tenant_id, name_or_id)
        rules.check_changeable(role.name)
        return role

    def _write(
        self, tenant_id: str, write: Put | Delete, result: object, refused: EdgeError, change: Update | None = None
    ) -> None:
        now, operation = self._clock.now(), "tenant.roles_changed"
        commit_of_tenant(
            self._tables, tenant_id, [write], operation, now, result=result, refused=refused, change=change
        )

    def _store(self, tenant_id: str) -> RoleStore:
        return RoleStore(self._tables.scoped(tenant_id))


def _built_in(name: str) -> Role:
    granted = ROLES[name]
    return Role(id=name, name=name, permissions=(rules.ALL,) if granted is None else tuple(sorted(granted)))
