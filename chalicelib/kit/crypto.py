"""Protects secrets at rest: digests for comparison, encryption ("sealing") for secrets that must be shown again.

Text is sealed with AES-256-GCM under the stage's newest data key, and opened with any key that is kept
(`kit.data_keys`). Sealed bytes: key id (16), nonce (12), ciphertext with its tag (16 more than the text).
"""

import hmac
from hashlib import sha256
from typing import Any

from chalicelib.kit.clock import Clock
from chalicelib.kit.data_keys import KEY_ID_BYTES, DataKeys, KeyService, UnsealError
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Table, Tables

NONCE_BYTES = 12
"""GCM's standard size (NIST SP 800-38D section 5.2.1.1)."""


class Secret:
    """Text that cannot leak by printing, formatting or pickling. Only `reveal` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        """Equal text, in constant time."""
        return isinstance(other, Secret) and same(self._text, other._text)

    def __hash__(self) -> int:
        return hash(digest(self._text))

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not serialised")


def digest(token: str) -> str:
    """SHA-256 as hex. Sufficient for tokens of 32 random bytes, not for passwords that people choose."""
    return sha256(token.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Whether two texts are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


class Sealer:
    """Encrypts text for one field of one row. Decryption fails for another field or row, and for changed bytes."""

    def __init__(self, tables: Tables, keys: KeyService, clock: Clock, ids: Ids, stage: str) -> None:
        self._ids = ids
        self.keys = DataKeys(tables, keys, clock, ids, stage)

    def seal(self, text: str, associated: str) -> bytes:
        """Encrypt text. ``associated`` is `associated_data` of the field that will hold the result."""
        return self.seal_bytes(text.encode(), associated)

    def open(self, sealed: bytes, associated: str) -> Secret:
        """Decrypt text. Raises `UnsealError` for other associated data, a key that is not kept, or changed bytes."""
        try:
            return Secret(self.open_bytes(sealed, associated).decode())
        except UnicodeDecodeError as error:
            raise UnsealError("what is sealed is not text") from error

    def seal_bytes(self, plain: bytes, associated: str) -> bytes:
        """Encrypt bytes, as `seal` does."""
        key = self.keys.newest()
        nonce = self._ids.token_bytes(NONCE_BYTES)
        return key.id + nonce + key.cipher.encrypt(nonce, plain, associated.encode())

    def mark(self, text: str) -> str:
        """A digest of a text, as hex, that only the newest data key makes of it."""
        return self.keys.newest().mark(text.encode()).hex()

    def open_bytes(self, sealed: bytes, associated: str) -> bytes:
        """Decrypt bytes, as `open` does. They must not be logged: unlike a `Secret`, bytes show what they are."""
        key = self.keys.find(key_id_of(sealed))
        if key is None:
            raise UnsealError("sealed with a data key that is not kept")
        nonce, ciphertext = (
            sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES],
            sealed[KEY_ID_BYTES + NONCE_BYTES :],
        )
        try:
            return key.cipher.decrypt(nonce, ciphertext, associated.encode())
        except (key.refusal, ValueError) as error:
            raise UnsealError("sealed for another place, or changed") from error


def key_id_of(sealed: bytes) -> bytes:
    """The id of the data key that sealed this."""
    return sealed[:KEY_ID_BYTES]


def associated_data(table: Table, row_id: str, field: str) -> str:
    """The associated data of a sealed field: ``table/id/field``. It binds the ciphertext to the field."""
    return f"{table.name}/{row_id}/{field}"
