"""The data keys of a stage: the newest key encrypts, every kept key decrypts. A table holds them, wrapped by KMS.

The row ``current`` holds the newest key; a replaced key is stored under its id in hex. A container unwraps each key
once. It looks for a newer key every few minutes, so it may use the previous one a little longer.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import (
    ConditionFailedError,
    Delete,
    Equals,
    Item,
    Set,
    Table,
    Tables,
    TransactionFailedError,
    Update,
    put_new,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DATA_KEYS = Table("data_keys", "id")
"""Rows: ``current``, the newest data key, wrapped, created on first use; and replaced keys by their id in hex."""

CURRENT = "current"
KEY_ID_BYTES = 16

FRESH = timedelta(minutes=5)
"""How long a container uses a key before it looks for a newer one."""


class UnsealError(Exception):
    """Not sealed for this field, or changed since. It gives no more detail, on purpose."""


class RotatedMeanwhileError(Exception):
    """Another caller created a new data key at the same time."""


@dataclass(frozen=True)
class WrappedKey:
    """A new data key: in clear, and wrapped by KMS."""

    plain: bytes = field(repr=False)
    wrapped: bytes


class KeyService(Protocol):
    """Generates and unwraps data keys. ``context`` must be the same for both."""

    def generate(self, context: dict[str, str]) -> WrappedKey: ...

    def unwrap(self, wrapped: bytes, context: dict[str, str]) -> bytes: ...


class KmsKeyService:
    """`KeyService` on KMS. ``client`` returns the SDK's client and is called on first use: most functions with a sealer
    open no secret. Raises `ClientError` (botocore)."""

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


class DataKey(NamedTuple):
    """A data key ready for use. ``refusal`` is the exception with which the cipher rejects foreign or changed text;
    ``mark`` makes a digest of bytes, HMAC-SHA256, by another key that follows from this one."""

    id: bytes
    cipher: "AESGCM"
    refusal: type[Exception]
    mark: Callable[[bytes], bytes]


class KeyAge(NamedTuple):
    """A key that is kept; ``retired_at`` is when it was replaced (seconds text), None for the newest."""

    id: bytes
    inserted_at: str
    retired_at: str | None


class DataKeys:
    """Gives and rotates the stage's data keys. The first key is created on first use; if several containers try at
    once, all use the key of the winner."""

    def __init__(self, tables: Tables, keys: KeyService, clock: Clock, ids: Ids, stage: str) -> None:
        self._tables = tables
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self.context = {"purpose": "edge-admin data key", "stage": stage}
        self._lock = Lock()
        self._known: dict[bytes, DataKey] = {}
        self._newest: DataKey | None = None
        self._looked_at: datetime | None = None

    def newest(self, *, fresh: bool = False) -> DataKey:
        """The newest key, at most `FRESH` old information; with ``fresh`` it is read now."""
        with self._lock:
            if self._newest is None or fresh or not self._is_fresh():
                self._look()
            if self._newest is None:
                raise UnsealError("there is no data key")
            return self._newest

    def newest_id(self) -> bytes:
        """The id of the newest key. It unwraps no key, so the caller needs no right to do that."""
        return _id_of(self._tables.get(DATA_KEYS, {"id": CURRENT}))

    def find(self, key_id: bytes) -> DataKey | None:
        """The key of that id; None for one that is not kept."""
        if len(key_id) != KEY_ID_BYTES:
            return None
        with self._lock:
            if key_id not in self._known:
                self._look()
            if key_id not in self._known:
                row = self._tables.get(DATA_KEYS, {"id": key_id.hex()})
                return None if row is None else self._unwrapped(row)
            return self._known[key_id]

    def rotate(self) -> bytes:
        """Create a new key, with which everything is sealed from now on; returns its id. One transaction. Raises
        `RotatedMeanwhileError`."""
        now = to_seconds_text(self._clock.now())
        old = self._tables.get(DATA_KEYS, {"id": CURRENT})
        if old is None:
            return _id_of(self._first())
        made = self._keys.generate(self.context)
        key_id = self._ids.token_bytes(KEY_ID_BYTES)
        old_id = _id_of(old)
        kept: Item = {name: old[name] for name in ("key_id", "wrapped", "inserted_at")}
        put = put_new(DATA_KEYS, {**kept, "id": old_id.hex(), "retired_at": now})
        changes = (Set("key_id", key_id), Set("wrapped", made.wrapped), Set("inserted_at", now))
        update = Update(DATA_KEYS, {"id": CURRENT}, changes, Equals("key_id", old_id))
        try:
            self._tables.commit((put, update), "data_key.rotated")
        except TransactionFailedError as error:
            raise RotatedMeanwhileError("another new data key was made at the same time") from error
        return key_id

    def age_of(self, key_id: bytes) -> KeyAge | None:
        """The creation and retirement times of a kept key; None for an unknown id."""
        newest = self._tables.get(DATA_KEYS, {"id": CURRENT})
        if newest is not None and _id_of(newest) == key_id:
            return KeyAge(key_id, str(newest["inserted_at"]), None)
        row = self._tables.get(DATA_KEYS, {"id": key_id.hex()})
        return None if row is None else KeyAge(key_id, str(row["inserted_at"]), str(row["retired_at"]))

    def forget(self, key_id: bytes) -> None:
        """Delete a replaced key: text that it sealed can never be opened again. Safe to repeat."""
        self._tables.write(Delete(DATA_KEYS, {"id": key_id.hex()}), "data_key.forgotten")

    def _is_fresh(self) -> bool:
        """False also for a time in the future: the clock was set back."""
        at = self._looked_at
        return at is not None and timedelta(0) <= self._clock.now() - at < FRESH

    def _look(self) -> None:
        row = self._tables.get(DATA_KEYS, {"id": CURRENT}) or self._first()
        self._newest = self._unwrapped(row)
        self._looked_at = self._clock.now()

    def _first(self) -> Item | None:
        made = self._keys.generate(self.context)
        item: Item = {
            "id": CURRENT,
            "key_id": self._ids.token_bytes(KEY_ID_BYTES),
            "wrapped": made.wrapped,
            "inserted_at": to_seconds_text(self._clock.now()),
        }
        try:
            return self._tables.write(put_new(DATA_KEYS, item), "data_key.created")
        except ConditionFailedError as error:
            return error.current

    def _unwrapped(self, row: Item | None) -> DataKey:
        # Most functions hold a sealer and open nothing: only those that use it pay for the import.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        key_id = _id_of(row)
        wrapped = None if row is None else row["wrapped"]
        if not isinstance(wrapped, bytes):
            raise UnsealError("the data key's row is damaged")
        if key_id not in self._known:
            plain = self._keys.unwrap(wrapped, self.context)
            self._known[key_id] = DataKey(key_id, AESGCM(plain), InvalidTag, _marker(plain))
        return self._known[key_id]


def _marker(plain: bytes) -> Callable[[bytes], bytes]:
    own = hmac.digest(plain, b"marks", "sha256")
    return lambda marked: hmac.digest(own, marked, "sha256")


def _id_of(row: Item | None) -> bytes:
    if row is None:
        raise UnsealError("there is no data key")
    key_id = row["key_id"]
    if not isinstance(key_id, bytes):
        raise UnsealError("the data key's row is damaged")
    return key_id
