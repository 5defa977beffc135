"""The keys of a deleted user: they are refused anyway, and lose their names."""

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.store import ApiKeyStore, forget_key

MOST = 50
"""Keys of one chunk."""


def forget_keys_chunk(tables: Tables, clock: Clock, user_id: str, cursor: str | None) -> str | None:
    """Take the names from the next keys of a deleted user; returns the id of the last, None at the end."""
    ids = ApiKeyStore(tables).ids_owned(user_id, cursor, MOST)
    for key_id in ids:
        tables.try_write(forget_key(key_id, clock.now()), "api_key.forgotten")
    return ids[-1] if len(ids) == MOST else None
