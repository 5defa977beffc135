"""Registers users: a user, its address, and a tenant of its own, in one transaction."""

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Tables, TransactionFailedError
from chalicelib.platform.identity.model import Client, NewUser, StartedSession, TenantFacts, User
from chalicelib.platform.identity.sessions import Sessions
from chalicelib.platform.identity.tenant_store import put_tenant
from chalicelib.platform.identity.user_store import OWNER, put_member, put_user
from chalicelib.platform.identity.verification_store import USER_REGISTERED


class Registration:
    """Whether users may register themselves, its caller decides."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids, sessions: Sessions) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._sessions = sessions

    def register(self, wanted: NewUser, client: Client) -> StartedSession:
        """Make a user with a tenant of its own, and start its first session. For an address that a user has, this
        starts a session of that user: the answer tells nothing of it, and the code goes to its holder."""
        known = self._sessions.find_user(wanted.email)
        if known is not None:
            return self._sessions.start_of(known, client)
        now = self._clock.now()
        at = to_seconds_text(now)
        tenant_id, user_id = self._ids.uuid7(now), self._ids.uuid7(now)
        user = User(
            id=user_id,
            email=wanted.email,
            alias=wanted.alias,
            full_name=wanted.full_name,
            tenant=tenant_id,
            inserted_at=at,
            updated_at=at,
        )
        started, writes = self._sessions.prepare(user, client)
        whole = [
            *put_user(user),
            put_tenant(TenantFacts(id=tenant_id, name=wanted.full_name, tier=""), user_id, now),
            put_member(tenant_id, user_id, OWNER, now),
            *writes,
        ]
        try:
            self._tables.commit(whole, USER_REGISTERED)
        except TransactionFailedError:
            # Another request has registered the address meanwhile.
            return self._sessions.start(wanted.email, client)
        return started
