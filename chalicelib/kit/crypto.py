"""Secrets at rest: digests for comparing, sealed text for what must be shown again.

Sealed with AES-256-GCM under one data key per stage. The data key stands in a table, wrapped by KMS; a container
unwraps it once. Sealed bytes: key id (16), nonce (12), ciphertext with its tag (16 more than the text).
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import ConditionFailedError, Item, Table, Tables, put_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DATA_KEYS = Table("data_keys", "id")
"""``current``: the wrapped data key of the stage. Made on first use, never changed."""

CURRENT = "current"
KEY_ID_BYTES = 16
NONCE_BYTES = 12
"""GCM's standard size (NIST SP 800-38D section 5.2.1.1)."""


class Secret:
    """Text that does not show itself: not printed, not formatted, not pickled. `reveal` is the only way to it."""

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
    """SHA-256 as hex. Enough for tokens of 32 random bytes; never for what people choose."""
    return sha256(token.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Equal text; the time taken says nothing about where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())


class UnsealError(Exception):
    """Not sealed by us for this place, or changed since. Says no more on purpose."""


class WrappedKey(NamedTuple):
    """A new data key, plain and as KMS wrapped it."""

    plain: bytes
    wrapped: bytes


class KeyService(Protocol):
    """What wraps data keys. ``context`` must be the same for both."""

    def generate(self, context: dict[str, str]) -> WrappedKey: ...

    def unwrap(self, wrapped: bytes, context: dict[str, str]) -> bytes: ...


class KmsKeyService:
    """`KeyService` on KMS. ``client`` gives the SDK's client, and is asked at the first use: a function that holds
    secrets mostly opens none. Raises botocore's ClientError."""

    def __init__(self, client: Callable[[], Any], key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def generate(self, context: dict[str, str]) -> WrappedKey:
        answer = self._client().generate_data_key(KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context)
        return WrappedKey(answer["Plaintext"], answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        answer = self._client().decrypt(KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=context)
        plain: bytes = answer["Plaintext"]
        return plain


class _DataKey(NamedTuple):
    id: bytes
    cipher: "AESGCM"
    refusal: type[Exception]


class Sealer:
    """Seals text for one field of one row; what is opened elsewhere or was changed is refused.

    Makes the stage's data key on first use; of several containers that try at once one wins and all use its key.
    """

    def __init__(self, tables: Tables, keys: KeyService, clock: Clock, ids: Ids, stage: str) -> None:
        self._tables = tables
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._context = {"purpose": "edge-admin data key", "stage": stage}
        self._lock = Lock()
        self._data_key: _DataKey | None = None

    def seal(self, text: str, place: str) -> bytes:
        """``place`` is `place_of` the field that will hold the result."""
        key = self._key()
        nonce = self._ids.token_bytes(NONCE_BYTES)
        return key.id + nonce + key.cipher.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> Secret:
        """Raises `UnsealError` for another place, another key or changed bytes."""
        key = self._key()
        key_id, nonce, ciphertext = (
            sealed[:KEY_ID_BYTES],
            sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES],
            sealed[KEY_ID_BYTES + NONCE_BYTES :],
        )
        if key_id != key.id:
            raise UnsealError("sealed with another data key")
        try:
            return Secret(key.cipher.decrypt(nonce, ciphertext, place.encode()).decode())
        except (key.refusal, ValueError) as error:
            raise UnsealError("sealed for another place, or changed") from error

    def _key(self) -> _DataKey:
        if self._data_key is not None:
            return self._data_key
        with self._lock:
            if self._data_key is None:
                self._data_key = self._load()
            return self._data_key

    def _load(self) -> _DataKey:
        # Most functions hold a sealer and open nothing: only who does pays for the import.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        row = self._tables.get(DATA_KEYS, {"id": CURRENT})
        if row is None:
            made = self._keys.generate(self._context)
            item: Item = {
                "id": CURRENT,
                "key_id": self._ids.token_bytes(KEY_ID_BYTES),
                "wrapped": made.wrapped,
                "inserted_at": to_seconds_text(self._clock.now()),
            }
            try:
                row = self._tables.write(put_new(DATA_KEYS, item), "data_key.created")
            except ConditionFailedError as error:
                row = error.current
        if row is None or not isinstance(row["key_id"], bytes) or not isinstance(row["wrapped"], bytes):
            raise UnsealError("the data key's row is damaged")
        return _DataKey(row["key_id"], AESGCM(self._keys.unwrap(row["wrapped"], self._context)), InvalidTag)


def place_of(table: Table, row_id: str, field: str) -> str:
    """Where sealed text belongs: ``table/id/field``."""
    return f"{table.name}/{row_id}/{field}"
