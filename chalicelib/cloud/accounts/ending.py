"""The keys and sessions of a deleted user: they end, and say nothing of the person any more."""

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.store import ApiKeyStore, forget_key
from chalicelib.platform.identity.session_store import REVOKED, SessionStore, forget_session

MOST = 50
"""Keys of one chunk."""


def forget_sessions(tables: Tables, clock: Clock, user_id: str) -> None:
    """End all sessions of a deleted user, of which there are those of a day."""
    for session_id in SessionStore(tables).ids_of_user(user_id):
        tables.try_write(forget_session(session_id, clock.now()), REVOKED)


def forget_keys_chunk(tables: Tables, clock: Clock, user_id: str, cursor: str | None) -> str | None:
    """Take the names from the next keys of a deleted user; returns the id of the last, None at the end."""
    ids = ApiKeyStore(tables).ids_owned(user_id, cursor, MOST)
    for key_id in ids:
        tables.try_write(forget_key(key_id, clock.now()), "api_key.forgotten")
    return ids[-1] if len(ids) == MOST else None
