"""`Policies`: the policies of a tenant, and the users and roles that they are attached to."""

from collections.abc import Sequence

from chalicelib.cloud.commits import changed_meanwhile, commit_of_tenant
from chalicelib.cloud.names import check_count
from chalicelib.cloud.roles import rules, store
from chalicelib.cloud.roles.model import Policy, PolicyStatement
from chalicelib.cloud.roles.service import Roles
from chalicelib.cloud.roles.store import RoleStore
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import EdgeError, found, taken
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Tables, Write
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity import tenant_store, user_store
from chalicelib.platform.identity.model import Member
from chalicelib.platform.identity.tenant_store import TenantStore
from chalicelib.platform.identity.user_store import UserStore


class Policies:
    """A policy allows no more than its maker may, and the caller who attaches it. Each change touches the tenant's row,
    which the audit log tells. A deleted policy counts nowhere: its id is passed over where it is attached."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids, roles: Roles) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._roles = roles
        self._users = UserStore(tables)
        self._tenants = TenantStore(tables)

    def all(self, tenant_id: str) -> list[Policy]:
        """All of a tenant, the oldest first."""
        return self._store(tenant_id).policies()

    def get(self, tenant_id: str, policy_id: str) -> Policy:
        """Raises `EdgeError` (not found)."""
        policy = found(self._store(tenant_id).policy(policy_id))
        check_found(policy.id, policy.name)
        return policy

    def create(
        self, tenant_id: str, name: str, description: str, statements: tuple[PolicyStatement, ...], by: Principal
    ) -> Policy:
        """Raises `EdgeError` (validation failed, forbidden), and (conflict) for a name that is taken."""
        now = self._clock.now()
        at = to_seconds_text(now)
        made = Policy(
            id=self._ids.uuid7(now),
            name=name,
            description=description,
            statements=statements,
            inserted_at=at,
            updated_at=at,
        )
        rules.check_policy(made, by)
        check_count("policies", len(self.all(tenant_id)), rules.MOST_POLICIES)
        self._write(tenant_id, store.put_policy(made), made, taken("name"))
        return made

    def replace(
        self,
        tenant_id: str,
        policy_id: str,
        by: Principal,
        *,
        name: str,
        description: str,
        statements: tuple[PolicyStatement, ...],
    ) -> Policy:
        """The policy with other values, for all that it is attached to. Raises `EdgeError` (not found), and
        the errors of `create`."""
        old = self.get(tenant_id, policy_id)
        rules.check_lifted(old, by)
        values = {"name": name, "description": description, "statements": statements}
        new = old.model_copy(update={**values, "updated_at": to_seconds_text(self._clock.now())})
        rules.check_policy(new, by)
        refused = changed_meanwhile() if old.name == name else taken("name")
        self._write(tenant_id, store.replace_policy(old, new), new, refused)
        return new

    def delete(self, tenant_id: str, policy_id: str, by: Principal) -> None:
        """The policy counts nowhere from the next request on. Raises `EdgeError` (not found, forbidden, conflict)."""
        old = self.get(tenant_id, policy_id)
        rules.check_lifted(old, by)
        self._write(tenant_id, store.delete_policy(old), None, changed_meanwhile())

    def find(self, tenant_id: str, policy_ids: Sequence[str]) -> list[Policy]:
        """The policies of these ids that there are."""
        return self._store(tenant_id).granted(None, policy_ids)[1]

    def of_user(self, tenant_id: str, user_id: str) -> list[Policy]:
        """The policies that are attached to a member. Raises `EdgeError` (not found)."""
        member = found(self._users.member(tenant_id, user_id))
        return self.find(tenant_id, member.policies)

    def attach_to_user(self, tenant_id: str, user_id: str, policy_id: str, by: Principal) -> None:
        """Attach a policy to a member; one that is attached stays so. Raises `EdgeError` (not found, forbidden), and
        (conflict) for more than `rules.MOST_ATTACHED`."""
        policy = self.get(tenant_id, policy_id)
        rules.check_allowed(policy, by)
        for _ in self._tables.tries():
            member = found(self._users.member(tenant_id, user_id))
            there = self._there(tenant_id, member.policies)
            if policy_id not in there:
                rules.check_attached(there)
                there.append(policy_id)
            if self._attached(member, there):
                return
        raise changed_meanwhile()

    def detach_from_user(self, tenant_id: str, user_id: str, policy_id: str, by: Principal) -> None:
        """Raises `EdgeError` (not found) for a policy that is not attached to the member, (forbidden) for one that
        denies more than the principal may."""
        self.check_detaching(tenant_id, policy_id, by)
        for _ in self._tables.tries():
            member = found(self._users.member(tenant_id, user_id))
            found(policy_id if policy_id in member.policies else None)
            there = self._there(tenant_id, [one for one in member.policies if one != policy_id])
            if self._attached(member, there):
                return
        raise changed_meanwhile()

    def attach_to_role(self, tenant_id: str, role: str, policy_id: str, by: Principal) -> None:
        """As `attach_to_user`, for all members of that role."""
        policy = self.get(tenant_id, policy_id)
        rules.check_allowed(policy, by)
        for _ in self._tables.tries():
            row = found(self._tenants.find(tenant_id))
            name = self._roles.get(tenant_id, role).name  # after the row, whose change has it read again
            attached = tenant_store.role_policies_of(row)
            there = self._there(tenant_id, rules.attached_to(attached, name))
            if policy_id not in there:
                rules.check_attached(there)
                there.append(policy_id)
            change = tenant_store.set_role_policies(row, {**attached, name: there}, self._clock.now())
            if self._committed([change]):
                return
        raise changed_meanwhile()

    def detach_from_role(self, tenant_id: str, role: str, policy_id: str, by: Principal) -> None:
        """As `detach_from_user`, for all members of that role."""
        self.check_detaching(tenant_id, policy_id, by)
        name = self._roles.get(tenant_id, role).name
        for _ in self._tables.tries():
            row = found(self._tenants.find(tenant_id))
            attached = tenant_store.role_policies_of(row)
            found(policy_id if policy_id in rules.attached_to(attached, name) else None)
            left = [one for one in attached[name] if one != policy_id]
            change = tenant_store.set_role_policies(row, {**attached, name: left}, self._clock.now())
            if self._committed([change]):
                return
        raise changed_meanwhile()

    def check_detaching(self, tenant_id: str, policy_id: str, by: Principal) -> None:
        """Raises `EdgeError` (forbidden) for a policy that denies more than the principal may; one that was deleted
        denies nothing."""
        for policy in self.find(tenant_id, [policy_id]):
            check_found(policy.id, policy.name)
            rules.check_lifted(policy, by)

    def _there(self, tenant_id: str, policy_ids: list[str] | tuple[str, ...]) -> list[str]:
        """Those of these policies that were not deleted."""
        return [policy.id for policy in self.find(tenant_id, policy_ids)]

    def _attached(self, member: Member, policy_ids: list[str]) -> bool:
        touch = tenant_store.note_change(member.tenant, self._clock.now())
        return self._committed([user_store.attach_policies(member, policy_ids), touch])

    def _committed(self, writes: list[Write]) -> bool:
        """Commit, with the answer of a repeat; returns False if one of the conditions does not hold."""
        return is_committed(self._tables, writes, "tenant.policies_attached", result=None)

    def _write(self, tenant_id: str, writes: Sequence[Write], result: object, refused: EdgeError) -> None:
        now, operation = self._clock.now(), "tenant.policies_changed"
        commit_of_tenant(self._tables, tenant_id, writes, operation, now, result=result, refused=refused)

    def _store(self, tenant_id: str) -> RoleStore:
        return RoleStore(self._tables.scoped(tenant_id))
