"""Tells the holders of named keys. Each request reads the key's row: a key that is revoked is refused by the next."""

from datetime import datetime

from chalicelib.kit.clock import Clock
from chalicelib.kit.data_keys import UnsealError
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.log import Level, Log
from chalicelib.kit.tables import ConditionFailedError
from chalicelib.platform.access.hashing import SecretHashes
from chalicelib.platform.access.key_text import KeyText
from chalicelib.platform.access.model import ApiKey
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.access.rules import accepted_hashes, is_usable, is_use_due, principal_of
from chalicelib.platform.access.store import ApiKeyStore


def not_verified(what: str) -> EdgeError:
    """The error for a right credential whose code has not come back yet."""
    text = f"This {what} is not verified yet: send the code that was mailed to you"
    return EdgeError(Kind.UNAUTHORIZED, text, code="not_verified")


class NamedKeys:
    """``uses`` writes down when keys were used; it does not repeat what DynamoDB refuses for contention."""

    def __init__(self, store: ApiKeyStore, uses: ApiKeyStore, hashes: SecretHashes, clock: Clock, log: Log) -> None:
        self._store = store
        self._uses = uses
        self._hashes = hashes
        self._clock = clock
        self._log = log

    def identify(self, offered: KeyText) -> Principal | None:
        """The holder of a key; None for a key that does not exist, has another secret, has expired or was revoked.
        One consistent read, and at most one write a minute for each key. Raises `EdgeError` (unauthorized) for a key
        pair that is not verified yet."""
        now = self._clock.now()
        key = self._store.find(offered.id)
        if not self._is_proven(offered, key, now) or key is None or not is_usable(key, now):
            return None
        if not key.verified:
            raise not_verified("key pair")
        if is_use_due(key, now):
            self._note_use(key.id, now)
        return principal_of(key)

    def _is_proven(self, offered: KeyText, key: ApiKey | None, now: datetime) -> bool:
        """Whether the secret is an accepted one of this key, in a time that tells nothing of the secrets."""
        sealed, accepted = (None, []) if key is None else (key.hash_key_sealed, accepted_hashes(key, now))
        try:
            return self._hashes.proves(offered.secret, offered.id, sealed, accepted)
        except UnsealError:
            self._log.line("api_key_unreadable", level=Level.ERROR, api_key_id=offered.id)
            return False

    def _note_use(self, key_id: str, now: datetime) -> None:
        try:
            self._uses.note_use(key_id, now)
        except ConditionFailedError:
            return
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the request goes on
            self._log.line("api_key_use_not_noted", level=Level.WARNING, error_type=type(error).__name__)
