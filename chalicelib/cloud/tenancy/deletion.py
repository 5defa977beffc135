"""`Deletion`: the conditions and the writes of the end of a tenant."""

from typing import NamedTuple

from chalicelib.cloud.gone import TENANT_GONE
from chalicelib.cloud.permissions import OWNER
from chalicelib.cloud.tenancy import rules, store
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import found
from chalicelib.kit.tables import Item, Tables, Write
from chalicelib.kit.tasks import ask
from chalicelib.platform.identity import tenant_store, user_store
from chalicelib.platform.identity.model import Member
from chalicelib.platform.identity.tenant_store import TenantStore
from chalicelib.platform.identity.user_store import UserStore
from chalicelib.platform.quotas.service import Quotas


class Sole(NamedTuple):
    """A tenant that can be deleted: its row, its owner's place, and how many things it has ever made."""

    row: Item
    owner: Member | None
    made: int


class Deletion:
    """A tenant goes if nothing is in it. Its writes fail if a thing is made or a member comes meanwhile."""

    def __init__(self, tables: Tables, clock: Clock, quotas: Quotas) -> None:
        self._clock = clock
        self._quotas = quotas
        self._tenants = TenantStore(tables)
        self._users = UserStore(tables)

    def used(self, tenant_id: str) -> dict[str, int]:
        """How much of each quota the tenant has taken, and of secrets. One call."""
        used = self._quotas.used(tenant_id, tuple(rules.COUNTERS.values()))
        return {name: rules.of_counter(name, used[counter]) for name, counter in rules.COUNTERS.items()}

    def sole(self, tenant_id: str) -> Sole:
        """The tenant, if it can be deleted. Raises `EdgeError` (not found, conflict)."""
        row = found(self._tenants.find(tenant_id))
        found(None if tenant_store.is_deleted(row) else row)
        members = self._users.next_members(tenant_id, 2)
        if any(member.role != OWNER for member in members):
            raise rules.not_alone()
        made = self._quotas.made(tenant_id)  # before the counters, so that what is made between the two is noticed
        for quota, used in self.used(tenant_id).items():
            if used:
                raise rules.in_use(quota)
        return Sole(row, next(iter(members), None), made)

    def ending(self, sole: Sole) -> list[Write]:
        """The writes that delete the tenant, as `sole` has read it, and ask for the end of its rows. They fail if a
        member came, or anything was made in it."""
        tenant_id, now = str(sole.row["id"]), self._clock.now()
        writes: list[Write] = [tenant_store.end_tenant(sole.row, now), self._quotas.closing(tenant_id, sole.made)]
        if slug := sole.row.get("slug"):
            writes.append(store.free_slug(str(slug)))
        if sole.owner is not None:
            writes.append(user_store.remove_member(sole.owner.tenant, sole.owner.user_id, sole.owner.role))
        return [*writes, ask(TENANT_GONE, tenant_id, now)]
