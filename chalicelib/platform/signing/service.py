"""`Signing`: signs messages with the key of a purpose, answers the public keys that verify them, and rotates keys."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.ids import Ids
from chalicelib.platform.signing.model import KeyPair, PrivateKeys, PublicKey
from chalicelib.platform.signing.store import PairStore, associated_with, kept

FRESH = timedelta(minutes=5)
"""How long a container uses a pair before it looks for a newer one."""

RELIED_ON = timedelta(days=7)
"""How long after its rotation a key is still answered: as long as a receiver may take to look at what it was sent."""

KEY_ID_BYTES = 8


@dataclass(frozen=True)
class Signature:
    """A signature and the id of the key that made it."""

    key_id: str
    value: bytes

    @property
    def base64(self) -> str:
        return base64.b64encode(self.value).decode()


class RotatedMeanwhileError(Exception):
    """Another caller rotated the same key at the same time."""


class Signing:
    """The pair of a purpose is made when it is first asked for; if several containers try at once, all use the pair of
    the winner. ``sealer`` seals private keys that are not in KMS."""

    def __init__(self, store: PairStore, keys: PrivateKeys, sealer: Sealer, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._keys = keys
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._known: dict[str, tuple[datetime, KeyPair]] = {}

    def sign(self, purpose: str, message: bytes) -> Signature:
        """Sign a message: RSA, PKCS#1 v1.5 with SHA-256."""
        pair = self._pair(purpose)
        return Signature(pair.key_id, self._keys.sign(pair, message))

    def public_keys(self, purpose: str) -> list[PublicKey]:
        """The key that signs now, then the earlier ones, newest first, as long as what they signed is relied on. Read
        anew, so that a receiver that does not know a key finds it."""
        pair = self._look(purpose)
        return [pair.public, *kept(pair.previous, to_seconds_text(self._clock.now()))]

    def rotate(self, purpose: str) -> PublicKey:
        """Sign with a new key: at once here, in other containers within `FRESH`. The present one is answered among the
        public keys for `RELIED_ON` longer than it may be used. One write. Raises `RotatedMeanwhileError`, and
        ValueError if there is no other key to take its place."""
        old, now = self._look(purpose), self._clock.now()
        retired = old.public.model_copy(
            update={"retired_at": to_seconds_text(now), "until": to_seconds_text(now + FRESH + RELIED_ON)}
        )
        new = self._new(purpose, (retired, *kept(old.previous, to_seconds_text(now))))
        if new.public_pem == old.public_pem:
            raise ValueError(f"the key that shall replace that of {purpose} is the same")
        if not self._store.replace(old, new):
            raise RotatedMeanwhileError(f"the key of {purpose} was rotated by another at the same time")
        self._known.pop(purpose, None)
        return new.public

    def _pair(self, purpose: str) -> KeyPair:
        read_at, pair = self._known.get(purpose, (None, None))
        is_fresh = read_at is not None and timedelta(0) <= self._clock.now() - read_at < FRESH
        return pair if pair is not None and is_fresh else self._look(purpose)

    def _look(self, purpose: str) -> KeyPair:
        pair = self._store.find(purpose) or self._store.add(self._new(purpose))
        self._known[purpose] = (self._clock.now(), pair)
        return pair

    def _new(self, purpose: str, previous: tuple[PublicKey, ...] = ()) -> KeyPair:
        made = self._keys.make()
        private = self._sealer.seal_bytes(made.private_pem, associated_with(purpose)) if made.private_pem else None
        return KeyPair(
            id=purpose,
            key_id=self._ids.token_bytes(KEY_ID_BYTES).hex(),
            public_pem=made.public_pem,
            private_sealed=private,
            kms_key=made.kms_key,
            inserted_at=to_seconds_text(self._clock.now()),
            previous=previous,
        )
