"""Hashes of the secrets of named keys and sessions: HMAC-SHA256 under a key of each row, which is sealed with the
stage's data key.

A reader of the table cannot test a guess, and after a change of the data key the rows are sealed again like all others,
without knowing the secrets.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from chalicelib.kit.crypto import Sealer, associated_data, same
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Table

_HASH_KEY_BYTES = 32

_NO_KEY = bytes(_HASH_KEY_BYTES)


class SecretHashes:
    """Hashes secrets for one row of the ``table``, whose attribute ``hash_key_sealed`` holds the key of its hashes."""

    def __init__(self, sealer: Sealer, ids: Ids, table: Table) -> None:
        self._sealer = sealer
        self._ids = ids
        self._table = table

    def new_key(self, key_id: str) -> bytes:
        """A new hash key for the row of this id, sealed."""
        return self._sealer.seal(self._ids.token_bytes(_HASH_KEY_BYTES).hex(), self._associated(key_id))

    def hash(self, secret: str, key_id: str, hash_key_sealed: bytes) -> str:
        """The hash of a secret, as hex. Raises `UnsealError` for a hash key of another row."""
        hash_key = bytes.fromhex(self._sealer.open(hash_key_sealed, self._associated(key_id)).reveal())
        return _hmac(hash_key, secret)

    def proves(self, secret: str, key_id: str, hash_key_sealed: bytes | None, accepted: Sequence[str]) -> bool:
        """Whether the hash of a secret is one of the ``accepted``. Without a hash key, as for a row that does not
        exist, it is not; the time of that refusal tells little. Raises `UnsealError` for a hash key of another row."""
        if hash_key_sealed is None:
            return same(_hmac(_NO_KEY, secret), "")
        given = self.hash(secret, key_id, hash_key_sealed)
        return any(same(given, known) for known in accepted)

    def _associated(self, key_id: str) -> str:
        return associated_data(self._table, key_id, "hash_key")


def _hmac(key: bytes, secret: str) -> str:
    return hmac.new(key, secret.encode(), sha256).hexdigest()
