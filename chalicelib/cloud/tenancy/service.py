"""`Tenancy`: tenants, and the places of users in them."""

from collections.abc import Callable, Mapping, Sequence

from chalicelib.cloud.permissions import OWNER
from chalicelib.cloud.roles.service import Roles
from chalicelib.cloud.tenancy import rules, store
from chalicelib.cloud.tenancy.deletion import Deletion
from chalicelib.cloud.tenancy.giving import Giving
from chalicelib.cloud.tenancy.model import MemberUser, Tenant
from chalicelib.cloud.tenancy.store import InvitationStore
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import found, taken
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage
from chalicelib.kit.origin import current_origin, working_for
from chalicelib.kit.tables import Item, Tables, TransactionFailedError, Write
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity import tenant_store, user_store, verification_store
from chalicelib.platform.identity.model import Member, TenantFacts, User
from chalicelib.platform.identity.rules import address_of, check_whole
from chalicelib.platform.identity.tenant_store import TenantStore
from chalicelib.platform.identity.user_store import UserStore
from chalicelib.platform.quotas.service import Quotas


class Tenancy:
    """A tenant is addressed by its id: that a caller may, its audience has found out (`api.credentials`). A new one has
    the quotas ``granted``."""

    def __init__(
        self, tables: Tables, clock: Clock, ids: Ids, quotas: Quotas, roles: Roles, granted: Mapping[str, int]
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._granted = granted
        self.deletion = Deletion(tables, clock, quotas)
        self.giving = Giving(tables, roles)
        self._tenants = TenantStore(tables)
        self._users = UserStore(tables)

    def get(self, tenant_id: str) -> Tenant:
        """Raises `EdgeError` (not found)."""
        return found(_tenant_of(self._tenants.find(tenant_id)))

    def of_user(self, by: Principal) -> list[Tenant]:
        """The tenants of which the principal's user is a member. Two calls. Raises `EdgeError` (not found) for one
        without a user."""
        user = self._users.acting(by)
        rows = self._tables.get_many([tenant_store.tenant_ref(tenant) for tenant in user.member_of])
        return [tenant for tenant in map(_tenant_of, rows) if tenant is not None]

    def create(self, name: str, slug: str, by: Principal) -> Tenant:
        """Make a tenant, which the principal's user owns; the operator's has no owner yet. Raises `EdgeError`
        (validation failed, conflict) for a slug that is of another form or taken, and for a user with too many,
        (forbidden) for a program, and for a key that has less than its user."""
        check_whole(by)
        name, slug = rules.check_name(name), rules.check_slug(slug)
        for _ in self._tables.tries():
            user = self._users.acting(by) if by.user else None
            tenant_id = self._ids.uuid7(self._clock.now())
            if user is not None:
                rules.check_new_member(user.member_of, tenant_id)
            made, writes = self.prepare(tenant_id, name, slug, user.id if user else "")
            if user is not None:
                writes += self._placing(user, tenant_id, OWNER)
            try:
                self._tables.commit(writes, "tenant.created", result=made)
            except TransactionFailedError as error:
                if 0 in error.failed:
                    raise taken("slug") from error
                continue
            return made
        raise rules.changed_meanwhile()

    def prepare(self, tenant_id: str, name: str, slug: str, owner: str) -> tuple[Tenant, list[Write]]:
        """A new tenant, and the writes that store it: the first is that of its slug."""
        now = self._clock.now()
        at = to_seconds_text(now)
        granted = {**self._granted}
        facts = TenantFacts(id=tenant_id, name=name, tier="", granted=granted)
        made = Tenant(
            id=tenant_id,
            name=name,
            slug=slug,
            owner=owner or None,
            quotas=granted,
            inserted_at=at,
            updated_at=at,
        )
        return made, [store.put_slug(slug, tenant_id), tenant_store.put_tenant(facts, owner, now, slug)]

    def switch(self, tenant_id: str, by: Principal) -> None:
        """Let the principal's user work in that tenant where a request names none. Raises `EdgeError` (forbidden) for
        one in which the user has no place, be there one or not, and for a key that has less than its user."""
        check_whole(by)
        for _ in self._tables.tries():
            user = self._users.acting(by)
            if tenant_id not in user.member_of:
                raise rules.not_a_member()
            change = user_store.change_memberships(user, user.member_of, tenant_id, self._clock.now())
            with working_for(current_origin()._replace(tenant=tenant_id)):
                is_written = self._tables.try_write(change, "user.switched")
            if is_written:
                return
        raise rules.changed_meanwhile()

    def members(self, tenant_id: str, size: int, after: str = "") -> ListPage[MemberUser]:
        """A page of the members of a tenant behind the user ``after``, the oldest user first. One call, and one for a
        hundred users."""
        ahead = self._users.next_members(tenant_id, size + 1, after)
        members = ahead[:size]
        users = {user.id: user for user in self._users.find_many([member.user_id for member in members])}
        shown = [MemberUser(member, users[member.user_id]) for member in members if member.user_id in users]
        following = members[-1].user_id if len(ahead) > size else None
        return ListPage(shown, 1, size, 0, by_cursor=True, next_cursor=following)

    def add(self, tenant_id: str, user_id: str | None, email: str | None, role: str, by: Principal) -> Member:
        """Give a user a place in the tenant, and end the open invitation of its address. Raises `EdgeError` (not found)
        for a user that there is not, (conflict) for a member, (validation failed, forbidden) for a role."""
        self.giving.check_new(tenant_id, role, by)
        known = user_id or (self._users.id_of(email) if email else None)
        check_found(found(known))
        for _ in self._tables.tries():
            user = found(self._users.find(found(known)))
            rules.check_new_member(user.member_of, tenant_id)
            member = self._new_member(tenant_id, user.id, role)
            invitation, token = self._uninviting(tenant_id, user.email)
            writes = [*self.joining(user, tenant_id, role), *token]
            if is_committed(self._tables.scoped(tenant_id), invitation, "tenant.joined", beside=writes, result=member):
                return member
        raise rules.changed_meanwhile()

    def change_role(self, tenant_id: str, user_id: str, role: str, by: Principal) -> MemberUser:
        """Give a member another role. Raises `EdgeError` (not found), (conflict) for the owner, (validation failed,
        forbidden) for a role."""
        self.giving.check(tenant_id, role, by)
        rules.check_one_owner(role, user_id)
        check_found(user_id)
        for _ in self._tables.tries():
            member = found(self._users.member(tenant_id, user_id))
            user = found(self._users.find(user_id))
            check_found(user_id, user.email)
            rules.check_not_owner(member)
            rules.check_role(member.role, self.giving.role_of(tenant_id, by))
            self.giving.check_other(tenant_id, member.role, role, by)
            changed = member.model_copy(update={"role": role})
            writes = [self._touching(tenant_id), user_store.change_role(member, role)]
            if is_committed(self._tables, writes, "member.changed", result=changed):
                return MemberUser(changed, user)
        raise rules.changed_meanwhile()

    def bind(self, tenant_id: str, id_or_email: str, role: str, by: Principal) -> None:
        """As `change_role`, for a member by its id or address."""
        user_id = self._users.id_of(address_of(id_or_email)) if "@" in id_or_email else id_or_email.lower()
        self.change_role(tenant_id, found(user_id), role, by)

    def remove(self, tenant_id: str, user_id: str, by: Principal) -> None:
        """Take a member's place away: its next request is refused. Raises `EdgeError` (not found), (conflict) for the
        owner, (forbidden) for one whose role is above the caller's."""
        own = self.giving.role_of(tenant_id, by)
        check_found(user_id)
        self._remove_member(tenant_id, user_id, lambda member: rules.check_role(member.role, own))

    def leave(self, tenant_id: str, by: Principal) -> None:
        """Give up the place of the principal's user. Raises `EdgeError` (not found) without one, (conflict) for the
        owner, (forbidden) for a key that has less than its user."""
        check_whole(by)
        with working_for(current_origin()._replace(tenant=tenant_id)):
            self._remove_member(tenant_id, self._users.acting(by).id, lambda _member: None)

    def _remove_member(self, tenant_id: str, user_id: str, check: Callable[[Member], None]) -> None:
        for _ in self._tables.tries():
            member = found(self._users.member(tenant_id, user_id))
            rules.check_not_owner(member)
            check(member)
            user = found(self._users.find(user_id))
            invitation, token = self._uninviting(tenant_id, user.email)
            writes = [self._touching(tenant_id), *self._leaving(user, member), *token]
            if is_committed(self._tables.scoped(tenant_id), invitation, "tenant.left", beside=writes, result=None):
                return
        raise rules.changed_meanwhile()

    def user_named(self, id_or_email: str) -> str:
        """The id of the user with that address, or the id that it is. An unknown address is left as it is."""
        known = self._users.id_of(id_or_email.strip().lower()) if "@" in id_or_email else id_or_email.strip().lower()
        return known or id_or_email

    def emails(self, tenant_id: str, user_ids: Sequence[str]) -> dict[str, str]:
        """The addresses of those users who are members of the tenant, by id. One call a hundred."""
        return {user.id: user.email for user in self._users.find_many(user_ids) if tenant_id in user.member_of}

    def grant(self, tenant_id: str, quotas: Mapping[str, int]) -> Tenant:
        """Set quotas of a tenant, and leave the others. Raises `EdgeError` (not found)."""
        for _ in self._tables.tries():
            row = found(self._tenants.find(tenant_id))
            tenant = found(_tenant_of(row))
            wanted = {**tenant.quotas, **quotas}
            if self._tables.try_write(tenant_store.set_quotas(row, wanted, self._clock.now()), "tenant.granted"):
                return tenant.model_copy(update={"quotas": wanted})
        raise rules.changed_meanwhile()

    def used(self, tenant_id: str) -> dict[str, int]:
        """See `Deletion.used`."""
        return self.deletion.used(tenant_id)

    def delete(self, tenant_id: str) -> None:
        """Delete a tenant that has no other member than its owner, and nothing else. Its slug is free; its row stays,
        without a name. Raises `EdgeError` (not found, conflict)."""
        for _ in self._tables.tries():
            sole = self.deletion.sole(tenant_id)
            user = None if sole.owner is None else self._users.find(sole.owner.user_id)
            writes = self.deletion.ending(sole)
            if user is not None:
                if len(user.member_of) == 1:
                    raise rules.only_tenant()
                writes += [self._moved(user, tenant_id)]
            if is_committed(self._tables, writes, "tenant.deleted", result=None):
                return
        raise rules.changed_meanwhile()

    def _touching(self, tenant_id: str) -> Write:
        return tenant_store.touch_tenant(tenant_id, self._clock.now())

    def _new_member(self, tenant_id: str, user_id: str, role: str) -> Member:
        at = to_seconds_text(self._clock.now())
        return Member(tenant=tenant_id, user_id=user_id, role=role, inserted_at=at)

    def joining(self, user: User, tenant_id: str, role: str) -> list[Write]:
        """The writes that give a user a place in a tenant that is there."""
        return [self.opening(tenant_id, user.id, role), *self._placing(user, tenant_id, role)]

    def opening(self, tenant_id: str, user_id: str, role: str) -> Write:
        """The write that fails unless the tenant is there and takes a member of that role. An owner is its first."""
        now = self._clock.now()
        return tenant_store.own_tenant(tenant_id, user_id, now) if role == OWNER else self._touching(tenant_id)

    def _placing(self, user: User, tenant_id: str, role: str) -> list[Write]:
        now = self._clock.now()
        return [
            user_store.put_member(tenant_id, user.id, role, now),
            user_store.change_memberships(user, (*user.member_of, tenant_id), user.tenant or tenant_id, now),
        ]

    def _leaving(self, user: User, member: Member) -> Sequence[Write]:
        gone = user_store.remove_member(member.tenant, user.id, member.role)
        if user.member_of != (member.tenant,):
            return gone, self._moved(user, member.tenant)
        # A user always has a place, without which it could not even log in: the last one is replaced.
        now = self._clock.now()
        tenant_id = self._ids.uuid7(now)
        name, slug = rules.personal_name(user.full_name), rules.personal_slug(user.full_name, tenant_id)
        own = self.prepare(tenant_id, name, slug, user.id)[1]
        placed = user_store.put_member(tenant_id, user.id, OWNER, now)
        return gone, user_store.change_memberships(user, (tenant_id,), tenant_id, now), *own, placed

    def _moved(self, user: User, left: str) -> Write:
        """The write after which the user has no place in the tenant that it has left."""
        remaining = tuple(tenant for tenant in user.member_of if tenant != left)
        works_in = user.tenant if user.tenant != left else next(iter(remaining), "")
        return user_store.change_memberships(user, remaining, works_in, self._clock.now())

    def _uninviting(self, tenant_id: str, email: str) -> tuple[list[Write], list[Write]]:
        """The writes that end the open invitation of an address, and those that end its token: who has left does not
        come back by an older one."""
        now = self._clock.now()
        every = InvitationStore(self._tables.scoped(tenant_id)).all(now)
        open_ones = [each for each in every if each.email == email]
        ended: list[Write] = [store.remove_invitation(each.id) for each in open_ones]
        return ended, [verification_store.use(each.token_id, now) for each in open_ones]


def _tenant_of(row: Item | None) -> Tenant | None:
    """The tenant of a row; None for no row, and for one that is deleted."""
    return None if row is None or tenant_store.is_deleted(row) else Tenant.model_validate(row)
