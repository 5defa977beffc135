"""Sessions of users: started by an address, accepted once the code has come back that was mailed there."""

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Secret
from chalicelib.kit.data_keys import UnsealError
from chalicelib.kit.errors import found, unauthorized
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Level, Log
from chalicelib.kit.tables import Put, Tables
from chalicelib.platform.access.hashing import SecretHashes
from chalicelib.platform.access.key_text import SECRET_BYTES, SESSION, KeyText, new_secret
from chalicelib.platform.access.named_keys import not_verified
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity.model import Client, Session, StartedSession, Subject, User
from chalicelib.platform.identity.rules import SESSION_LIVES, is_usable, principal_of
from chalicelib.platform.identity.session_store import SessionStore, put_session
from chalicelib.platform.identity.user_store import UserStore
from chalicelib.platform.identity.verification_store import SESSION_STARTED, put_verification
from chalicelib.platform.identity.verifications import Verifications


class Sessions:
    """A session is accepted for `SESSION_LIVES`, and as long from the time at which it was extended."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        hashes: SecretHashes,
        verifications: Verifications,
        log: Log,
    ) -> None:
        self._tables = tables
        self._store = SessionStore(tables)
        self._users = UserStore(tables)
        self._clock = clock
        self._ids = ids
        self._hashes = hashes
        self._verifications = verifications
        self._log = log

    def start(self, email: str, client: Client) -> StartedSession:
        """Start a session of the user with that address, and have a code mailed there.

        An address that no user has gets the same: two reads, and a session with a code that is never right, so that
        nothing tells which addresses are known.
        """
        return self.start_of(self.find_user(email), client)

    def find_user(self, email: str) -> User | None:
        """The user with that address: two reads, whether there is one or not."""
        user_id = self._users.id_of(email)
        return self._users.find(user_id or self._ids.uuid7(self._clock.now()))

    def start_of(self, user: User | None, client: Client) -> StartedSession:
        """Start a session of that user; see `start`. A user with places in tenants gets none that can be verified: its
        rights follow from these at each request, and those of a session would not."""
        started, writes = self.prepare(None if user is not None and user.tenants else user, client)
        self._tables.commit(writes, SESSION_STARTED)
        return started

    def prepare(self, user: User | None, client: Client) -> tuple[StartedSession, list[Put]]:
        """A new session with its code, and the writes that store both. Without a user it can never be verified."""
        now = self._clock.now()
        session_id = self._ids.uuid7(now)
        hash_key = self._hashes.new_key(session_id)
        secret = new_secret(self._ids.token_bytes(SECRET_BYTES))
        at = to_seconds_text(now)
        session = Session(
            id=session_id,
            user_id=user.id if user else self._ids.uuid7(now),
            tenant=user.tenant if user else self._ids.uuid7(now),
            name=user.alias if user else "",
            kind=client.kind,
            ip=client.ip,
            user_agent=client.user_agent,
            expires_at=to_seconds_text(now + SESSION_LIVES),
            inserted_at=at,
            updated_at=at,
            hash_key_sealed=hash_key,
            secret_hash=self._hashes.hash(secret, session_id, hash_key),
        )
        code = self._verifications.new(Subject.SESSION, session_id, user.email if user else None)
        token = Secret(KeyText(session_id, secret, SESSION).compose())
        return StartedSession(session, token, code.id), [put_session(session, now), put_verification(code)]

    def identify(self, offered: KeyText) -> Principal | None:
        """The user of a session's token; None for a token that is unknown, or of a session that has ended. One
        consistent read. Raises `EdgeError` (unauthorized) for a session that is not verified yet."""
        session = self._store.find(offered.id)
        if not self._is_proven(offered, session) or session is None or not is_usable(session, self._clock.now()):
            return None
        if not session.verified:
            raise not_verified("session")
        return principal_of(session)

    def of(self, principal: Principal) -> Session:
        """The session that the principal is identified by. Raises `EdgeError` (unauthorized) if it has just ended."""
        session = self._store.find(principal.id)
        if session is None:
            raise unauthorized()
        return session

    def extend(self, principal: Principal) -> None:
        """Let the principal's session end later. Raises `EdgeError` (unauthorized) if it has just ended."""
        now = self._clock.now()
        if not self._store.extend(principal.id, now + SESSION_LIVES, now):
            raise unauthorized()

    def usable(self, by: Principal) -> list[Session]:
        """The sessions of the principal's user that have not ended, the newest first; none without a user."""
        now = self._clock.now()
        sessions = self._store.of_user(by.user) if by.user else []
        return [session for session in sessions if is_usable(session, now)]

    def revoke(self, session_id: str, by: Principal) -> None:
        """End a session: one of the principal's user, or, for a principal without a user, one of its tenant. One that
        was revoked stays so. Raises `EdgeError` (not found)."""
        session = found(self._store.find(session_id))
        is_theirs = session.tenant == by.tenant and by.user in {"", session.user_id}
        found(session if is_theirs else None)
        self._store.revoke(session_id, self._clock.now())

    def _is_proven(self, offered: KeyText, session: Session | None) -> bool:
        """Whether the token's secret is the session's, in a time that tells nothing of it."""
        sealed, accepted = (None, []) if session is None else (session.hash_key_sealed, [session.secret_hash])
        try:
            return self._hashes.proves(offered.secret, offered.id, sealed, accepted)
        except UnsealError:
            self._log.line("session_unreadable", level=Level.ERROR, session_id=offered.id)
            return False
