"""`Leaving`: a user deletes itself. The ids of the user and its keys stay, which bills and logs name."""

from chalicelib.cloud.accounts import rules, store
from chalicelib.cloud.gone import USER_GONE
from chalicelib.cloud.permissions import OWNER
from chalicelib.cloud.tenancy.rules import changed_meanwhile
from chalicelib.cloud.tenancy.service import Tenancy
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import TRANSACTION_LIMIT, ActedOn, Tables, TransactionFailedError, Write
from chalicelib.kit.tasks import ask
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.audit.service import noting_as
from chalicelib.platform.identity import tenant_store, user_store
from chalicelib.platform.identity.model import User
from chalicelib.platform.identity.rules import check_whole
from chalicelib.platform.identity.user_store import UserStore

_MOST_WRITES = TRANSACTION_LIMIT - 2
"""The most of one transaction, which takes a note and an attachment besides."""


class Leaving:
    """One transaction takes the user's places, the tenants that it owns alone, its address and its password. Tasks take
    the rest."""

    def __init__(self, tables: Tables, clock: Clock, tenancy: Tenancy) -> None:
        self._tables = tables
        self._clock = clock
        self._tenancy = tenancy
        self._users = UserStore(tables)

    def leave(self, by: Principal) -> None:
        """Delete the principal's user: its keys are refused by the next request. Raises `EdgeError` (not found), and
        (conflict) for the owner of a tenant that has other members, or things, and for a user with too many tenants,
        (forbidden) for a principal that has less than its user."""
        check_whole(by)
        for _ in self._tables.tries():
            user = self._users.acting(by)
            writes: list[Write] = [*user_store.forget_user(user, self._clock.now())]
            for tenant in user.member_of:
                writes += self._leaving(user, tenant)
            writes += [store.forget_password(user.id), store.forget_failures(user.email)]
            writes.append(ask(USER_GONE, user.id, self._clock.now()))
            if len(writes) > _MOST_WRITES:
                raise rules.has_too_many_tenants()
            try:
                self._tables.commit(writes, "user.deleted")
            except TransactionFailedError:
                continue
            return
        raise changed_meanwhile()

    def _leaving(self, user: User, tenant: str) -> list[Write]:
        member = self._users.member(tenant, user.id)
        if member is None:
            return []
        if member.role != OWNER:
            gone = user_store.remove_member(tenant, user.id, member.role)
            left = noting_as("tenant.leave", ActedOn("tenant", tenant), tenant)
            return [tenant_store.touch_tenant(tenant, self._clock.now()), gone, left]
        try:
            sole = self._tenancy.deletion.sole(tenant)
        except EdgeError as error:
            if error.kind is not Kind.CONFLICT:
                raise
            raise rules.owns_more(self._tenancy.get(tenant).name) from error
        return self._tenancy.deletion.ending(sole)
