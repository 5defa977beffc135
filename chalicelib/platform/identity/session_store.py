"""Rows of sessions: keys, indexes and attribute names."""

from datetime import datetime

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.tables import (
    Absent,
    And,
    ConditionFailedError,
    Equals,
    Exists,
    Index,
    Item,
    Key,
    LessOrEqual,
    Not,
    Put,
    Query,
    Ref,
    Set,
    SetIfAbsent,
    Table,
    Tables,
    Thing,
    Update,
    put_new,
)
from chalicelib.platform.identity.model import Session
from chalicelib.platform.identity.rules import CODE_LIVES, KEPT

REVOKED = "session.revoked"

SESSIONS = Table(
    "sessions",
    partition="id",
    indexes=(Index("by_user", partition="user_id", sort="id"),),
    stream=True,
    relayed=frozenset({REVOKED}),
    unparked=frozenset({"secret_hash"}),
    expires_at="expires_epoch",
    thing=Thing("session", name="name"),
)
"""Keyed by the session's id, which its token names: whose it is, its row says."""


class SessionStore:
    """Sessions on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, session_id: str) -> Session | None:
        """The session, by a consistent read."""
        row = self._tables.get(SESSIONS, _key(session_id))
        return None if row is None else _session(row)

    def ids_of_user(self, user_id: str) -> list[str]:
        """The ids of the sessions of a user, the newest first, as far as the index shows them."""
        query = Query(SESSIONS, user_id, SESSIONS.index("by_user"), descending=True)
        return [str(row["id"]) for page in self._tables.pages(query) for row in page.items]

    def of_user(self, user_id: str) -> list[Session]:
        """The sessions of a user, as `ids_of_user`."""
        refs = [Ref(SESSIONS, _key(each)) for each in self.ids_of_user(user_id)]
        return [_session(row) for row in self._tables.get_many(refs) if row is not None]

    def extend(self, session_id: str, expires_at: datetime, now: datetime) -> bool:
        """Let a session that can be used end at another time; returns False if it cannot be used any more."""
        changes = (
            Set("expires_at", to_seconds_text(expires_at)),
            Set("expires_epoch", int((expires_at + KEPT).timestamp())),
            Set("updated_at", to_seconds_text(now)),
        )
        usable = And(_usable(now), Equals("verified", True))  # noqa: FBT003 - the value of an attribute
        return self._tables.try_write(Update(SESSIONS, _key(session_id), changes, usable), "session.extended")

    def revoke(self, session_id: str, now: datetime) -> bool:
        """Refuse the session from now on; returns False if it was revoked before."""
        at = to_seconds_text(now)
        changes = (Set("revoked_at", at), Set("updated_at", at))
        update = Update(SESSIONS, _key(session_id), changes, And(Exists("id"), Absent("revoked_at")))
        try:
            self._tables.write(update, REVOKED)
        except ConditionFailedError:
            return False
        return True


def put_session(session: Session, now: datetime) -> Put:
    """A new session. Unless it is verified, its row goes soon."""
    item: Item = {**session.model_dump(exclude={"hash_key_sealed"}), "hash_key_sealed": session.hash_key_sealed}
    return put_new(SESSIONS, {**item, "expires_epoch": int((now + CODE_LIVES + KEPT).timestamp())})


def verify_session(session_id: str, expires_at: str, now: datetime) -> Update:
    """The session is verified, and its row stays until after its end; fails if it cannot be used any more."""
    changes = (
        Set("verified", True),  # noqa: FBT003 - the value of an attribute
        Set("expires_epoch", int((parse_time(expires_at) + KEPT).timestamp())),
        Set("updated_at", to_seconds_text(now)),
    )
    return Update(SESSIONS, _key(session_id), changes, _usable(now))


def forget_session(session_id: str, now: datetime) -> Update:
    """The session is refused, and says nothing of the person whose it was; fails if it is gone."""
    at = to_seconds_text(now)
    personal = (Set("name", ""), Set("ip", ""), Set("user_agent", ""))
    changes = (*personal, SetIfAbsent("revoked_at", at), Set("updated_at", at))
    return Update(SESSIONS, _key(session_id), changes, Exists("id"))


def _usable(now: datetime) -> And:
    return And(Exists("id"), Absent("revoked_at"), Not(LessOrEqual("expires_at", to_seconds_text(now))))


def _session(row: Item) -> Session:
    return Session.model_validate(row)


def _key(session_id: str) -> Key:
    return {"id": session_id}
