"""Keys of users: named keys in the short form, which may do what their user may at the time of a request."""

from dataclasses import dataclass

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import EdgeError, Kind, conflict, found
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.tables import Put, Tables, TransactionFailedError, Update, Write
from chalicelib.platform.access.hashing import SecretHashes
from chalicelib.platform.access.key_text import SHORT_SECRET_BYTES, new_short_key
from chalicelib.platform.access.model import CREATED, ApiKey, ShownKey
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.access.rules import check_name, is_usable
from chalicelib.platform.access.store import ApiKeyStore, put_key, retire_key
from chalicelib.platform.identity.rules import check_whole, owner_of

MOST_KEYS = 50
"""Keys of one user at a time. The index that is asked lags by about a second: keys made at once may be a few more."""

MOST_ENDED = 80
"""Keys that are revoked in one transaction, with a few other writes."""


@dataclass(frozen=True)
class KeyHolder:
    """The holder of a new key: ``owner`` lists it, ``user`` is the id of a user or "", ``tenant`` where it was made."""

    owner: str
    user: str
    tenant: str


class UserKeys:
    """Makes, lists, replaces and revokes keys. Each is its user's alone; those without a user are their tenant's."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids, hashes: SecretHashes) -> None:
        self._tables = tables
        self._store = ApiKeyStore(tables)
        self._clock = clock
        self._ids = ids
        self._hashes = hashes

    def create(self, name: str, by: Principal) -> ShownKey:
        """Make a key for the principal. Raises `EdgeError` (validation failed) for a name of blanks, (forbidden) for a
        principal that has less than its user, (rate limited) for one more than `MOST_KEYS`."""
        check_name(name)
        check_whole(by)
        holder = holder_of(by)
        if len(self.usable(holder.owner)) >= MOST_KEYS:
            raise too_many_keys()
        shown = self.prepare(name.strip(), holder)
        self._tables.commit([put_key(shown.key)], CREATED, result=shown)
        return shown

    def prepare(self, name: str, holder: KeyHolder) -> ShownKey:
        """A key that is not stored, for a transaction of its caller's (`store.put_key`)."""
        text = new_short_key(self._ids.token_bytes(SHORT_SECRET_BYTES))
        hash_key = self._hashes.new_key(text.id)
        at = to_seconds_text(self._clock.now())
        key = ApiKey(
            id=text.id,
            name=name,
            tenant=holder.tenant,
            user=holder.user or None,
            owner=holder.owner,
            is_short=True,
            inserted_at=at,
            updated_at=at,
            hash_key_sealed=hash_key,
            secret_hash=self._hashes.hash(text.secret, text.id, hash_key),
        )
        return ShownKey(key, Secret(text.compose()))

    def usable(self, owner: str) -> list[ApiKey]:
        """The owner's keys that have not ended, the newest first, as far as the index shows them."""
        now = self._clock.now()
        keys = [key for key in self._store.owned(owner) if key.is_short and is_usable(key, now)]
        return sorted(keys, key=lambda key: (key.inserted_at, key.id), reverse=True)

    def rotate(self, key_id: str, by: Principal) -> ShownKey:
        """Replace a key by another of the same name, in one transaction: the old one is refused from then on. Raises
        `EdgeError` (not found) for a key that is not the principal's, (forbidden) as `create` does, (conflict) if it
        was revoked meanwhile."""
        check_whole(by)
        old = self._owned(key_id, by)
        shown = self.prepare(old.name, KeyHolder(old.owner or owner_of(by), old.user or "", old.tenant))
        writes: list[Write] = [retire_key(key_id, self._clock.now()), put_key(shown.key)]
        try:
            self._tables.commit(writes, "api_key.rotated", result=shown)
        except TransactionFailedError as error:
            raise conflict("the key was revoked meanwhile") from error
        return shown

    def revoke(self, key_id: str, by: Principal) -> None:
        """Have a key of the principal's refused from the next request on. Raises `EdgeError` (not found)."""
        self._owned(key_id, by)
        self._tables.try_write(retire_key(key_id, self._clock.now()), "api_key.revoked")

    def replaced_for_login(self, name: str, holder: KeyHolder) -> tuple[ShownKey, list[Put | Update]]:
        """A key for a user who logs in, and the writes that store it. A user who has `MOST_KEYS` loses one with it: the
        oldest of that name, else the one that was not used for the longest time. So a thief of one key, who makes
        others with it, keeps no owner out."""
        shown = self.prepare(name, holder)
        writes: list[Put | Update] = [put_key(shown.key)]
        keys = self.usable(holder.owner)
        if len(keys) >= MOST_KEYS:
            oldest = next((key for key in reversed(keys) if key.name == name), None)
            idle = min(keys, key=lambda key: (key.last_used_at or key.inserted_at, key.inserted_at, key.id))
            writes.append(retire_key((oldest or idle).id, self._clock.now()))
        return shown, writes

    def ending_all(self, owner: str) -> list[Write]:
        """The writes that revoke all keys and key pairs of an owner, as far as the index shows them. Those beyond
        `MOST_ENDED` are revoked at once."""
        now = self._clock.now()
        ended: list[Write] = [retire_key(key.id, now) for key in self._store.owned(owner) if is_usable(key, now)]
        while len(ended) > MOST_ENDED:
            self._tables.commit([ended.pop() for _ in range(MOST_ENDED)], "api_key.revoked")
        return ended

    def _owned(self, key_id: str, by: Principal) -> ApiKey:
        key = found(self._store.find(key_id))
        is_usable_key = key.is_short and is_usable(key, self._clock.now())
        is_theirs = key.owner == owner_of(by) if by.user else key.user is None and key.tenant == by.tenant
        found(key if is_usable_key and is_theirs else None)
        check_found(key.id, key.name)
        return key


def holder_of(principal: Principal) -> KeyHolder:
    """The principal as the holder of a new key."""
    return KeyHolder(owner_of(principal), principal.user, principal.tenant)


def too_many_keys() -> EdgeError:
    """The refusal of one more key than a user may have."""
    text = f"There are {MOST_KEYS} keys already: revoke one that is not needed"
    return EdgeError(Kind.RATE_LIMITED, text, code="resource_limit_exceeded")
