"""`Identity`: the parts of the context `identity` by name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.hashing import SecretHashes
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal
from chalicelib.platform.access.store import API_KEYS
from chalicelib.platform.identity.key_pairs import KeyPairs
from chalicelib.platform.identity.model import Member, TenantFacts, User, facts_without_a_row
from chalicelib.platform.identity.registration import Registration
from chalicelib.platform.identity.session_store import SESSIONS
from chalicelib.platform.identity.sessions import Sessions
from chalicelib.platform.identity.tenant_store import TenantStore, facts_of, is_deleted, listed
from chalicelib.platform.identity.tokens import Tokens
from chalicelib.platform.identity.user_keys import UserKeys
from chalicelib.platform.identity.user_store import UserStore
from chalicelib.platform.identity.verifications import Verifications

if TYPE_CHECKING:
    from chalicelib.kit.clock import Clock
    from chalicelib.kit.crypto import Sealer
    from chalicelib.kit.ids import Ids
    from chalicelib.kit.log import Log
    from chalicelib.kit.tables import Tables, Value
    from chalicelib.platform.access.api_keys import ApiKeys
    from chalicelib.platform.mail.model import Mailer


class Identity:
    """Tenants, users, their sessions and key pairs. ``sealer``, ``keys`` and ``mailer`` give parts that not every
    caller needs. ``default_tier`` is that of tenants that were not given one."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        log: Log,
        *,
        sealer: Callable[[], Sealer],
        keys: Callable[[], ApiKeys],
        mailer: Callable[[], Mailer],
        default_tier: str,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._log = log
        self._sealer = sealer
        self._keys = keys
        self._mailer = mailer
        self._default_tier = default_tier
        self._tenants = TenantStore(tables)
        self._users = UserStore(tables)

    @cached_property
    def verifications(self) -> Verifications:
        return Verifications(
            self._tables, self._clock, self._ids, sealer=self._sealer(), mailer=self._mailer, log=self._log
        )

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(
            self._tables,
            self._clock,
            self._ids,
            hashes=SecretHashes(self._sealer(), self._ids, SESSIONS),
            verifications=self.verifications,
            log=self._log,
        )

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self._tables, self._clock, self._ids, self._sealer())

    @cached_property
    def user_keys(self) -> UserKeys:
        return UserKeys(self._tables, self._clock, self._ids, SecretHashes(self._sealer(), self._ids, API_KEYS))

    @cached_property
    def registration(self) -> Registration:
        return Registration(self._tables, self._clock, self._ids, self.sessions)

    @cached_property
    def key_pairs(self) -> KeyPairs:
        return KeyPairs(self._tables, self._clock, self._keys(), self.verifications)

    def tenant(self, tenant_id: str) -> TenantFacts:
        """The facts of a tenant, in one consistent read. A tenant without a row has the default tier and no clusters,
        the operator's any cluster. Raises `EdgeError` (forbidden) for one that is deleted, such as to a session that
        has not ended yet."""
        without_a_row = facts_without_a_row(tenant_id, self._default_tier)
        row = self._tenants.find(tenant_id)
        if row is None:
            return without_a_row
        if is_deleted(row):
            raise EdgeError(Kind.FORBIDDEN, "The tenant is deleted")
        return facts_of(row, without_a_row)

    def change_tenant(
        self, tenant_id: str, *, tier: str | None = None, clusters: Collection[str] | None = None
    ) -> TenantFacts:
        """Give a tenant another tier, or other clusters that its machines may join, or both; returns its facts. Raises
        `EdgeError` (not found) for an unknown one."""
        values: dict[str, Value] = {}
        if tier is not None:
            values["tier"] = tier
        if clusters is not None:
            values["clusters"] = listed(clusters)
        self._tenants.change(tenant_id, values, self._clock.now())
        return self.tenant(tenant_id)

    def find_user(self, user_id: str) -> User | None:
        """The user of that id, in one consistent read."""
        return self._users.find(user_id)

    def members(self, tenant_id: str) -> list[tuple[Member, User]]:
        """The members of a tenant with their users, the oldest first."""
        return self._users.members(tenant_id)

    def user_id_of(self, email: str, by: Principal) -> str | None:
        """The id of the user with that address, if the principal may know it: one of its tenant, or, for the operator
        of the installation, any."""
        user_id = self._users.id_of(email)
        if user_id is None or by.tenant == DEFAULT_TENANT:
            return user_id
        user = self._users.find(user_id)
        return user_id if user is not None and user.tenant == by.tenant else None
