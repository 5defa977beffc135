"""Use cases of named keys: make, list, change, rotate and revoke them."""

from collections.abc import Callable, Iterable, Mapping

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.crypto import Secret
from chalicelib.kit.errors import conflict, found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.platform.access.hashing import SecretHashes
from chalicelib.platform.access.key_text import SECRET_BYTES, KeyText, new_secret
from chalicelib.platform.access.model import ApiKey, KeyChanges, NewApiKey, ShownKey
from chalicelib.platform.access.permissions import Permission
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.access.rules import (
    after_rotation,
    check_expiry,
    check_grant,
    check_name,
    check_new,
    check_usable,
)
from chalicelib.platform.access.store import KEY_LIST, ApiKeyStore, key_from_item


class ApiKeys:
    """Named keys, as their managers see them. ``permissions`` gives all that there are. ``by`` is the caller,
    which can give no more than it has itself."""

    def __init__(
        self,
        store: ApiKeyStore,
        hashes: SecretHashes,
        clock: Clock,
        ids: Ids,
        *,
        lists: Lists,
        permissions: Callable[[], Iterable[Permission]],
    ) -> None:
        self._store = store
        self._hashes = hashes
        self._clock = clock
        self._ids = ids
        self._lists = lists
        self._permissions = permissions

    def create(self, wanted: NewApiKey, by: Principal) -> ShownKey:
        """Create a key. Raises `EdgeError` (validation failed) for a request that breaks a rule, and (forbidden) for a
        key with more rights than its maker's."""
        shown = self.make(wanted, by)
        self._store.add(shown.key, shown)
        return shown

    def make(self, wanted: NewApiKey, by: Principal) -> ShownKey:
        """A key that is not stored, for a transaction of its caller's (`store.put_key`). Raises `EdgeError`
        (validation failed, forbidden) as `create`."""
        now = self._clock.now()
        known = self._known()
        check_new(wanted, known, now)
        key_id = self._ids.uuid7(now)
        hash_key = self._hashes.new_key(key_id)
        secret = self._new_secret()
        key = ApiKey(
            id=key_id,
            name=wanted.name.strip(),
            role=wanted.role,
            permissions=tuple(dict.fromkeys(wanted.permissions)),
            restrictions={name: dict(ids) for name, ids in wanted.restrictions.items()},
            outputs=wanted.outputs,
            requests_per_minute=wanted.requests_per_minute,
            tenant=by.tenant,
            user=wanted.user,
            owner=wanted.owner,
            verified=wanted.verified,
            expires_at=None if wanted.expires_at is None else to_seconds_text(wanted.expires_at),
            inserted_at=to_seconds_text(now),
            updated_at=to_seconds_text(now),
            hash_key_sealed=hash_key,
            secret_hash=self._hashes.hash(secret, key_id, hash_key),
        )
        check_grant(key, by, known)
        return _shown(key, secret)

    def get(self, key_id: str) -> ApiKey:
        """Raises `EdgeError` (not found)."""
        return found(self._store.find(key_id))

    def list_page(self, request: ListRequest) -> ListPage[ApiKey]:
        """One page of all keys, revoked ones included; raises `EdgeError` (bad request) when the filters leave too much
        to read."""
        return self._lists.page(KEY_LIST, request).map(key_from_item)

    def change(self, key_id: str, changes: KeyChanges, by: Principal) -> ApiKey:
        """Change the name or the expiry. Raises `EdgeError` (not found), (validation failed) for a value, (conflict)
        for a revoked key, (forbidden) for an expiry of a key with more rights than the caller's."""
        now = self._clock.now()
        key = self.get(key_id)
        values: list[tuple[str, str | None]] = []
        if "name" in changes:
            check_name(changes["name"])
            values.append(("name", changes["name"].strip()))
        if "expires_at" in changes:
            expires_at = changes["expires_at"]
            check_expiry(expires_at, now)
            text = None if expires_at is None else to_seconds_text(expires_at)
            check_grant(key.model_copy(update={"expires_at": text}), by, self._known())
            values.append(("expires_at", text))
        if not values:
            return key
        changed = self._store.change(key_id, values, now)
        if changed is None:
            raise conflict("the key was revoked")
        return changed

    def rotate(self, key_id: str, overlap_seconds: int, by: Principal) -> ShownKey:
        """Give a key another secret; the present one is accepted for ``overlap_seconds`` longer. Raises `EdgeError`
        (not found), (forbidden) for a key with more rights than the caller's, (conflict) for a key that is revoked or
        expired, has too many secrets, or is rotated by others again and again."""
        secret = self._new_secret()
        for _ in self._store.tries():
            now = self._clock.now()
            key = self.get(key_id)
            check_grant(key, by, self._known())
            check_usable(key, now)
            values = {
                "secret_hash": self._hashes.hash(secret, key_id, key.hash_key_sealed),
                "previous": after_rotation(key, overlap_seconds, now),
                "updated_at": to_seconds_text(now),
            }
            rotated = key.model_copy(update=values)
            shown = _shown(rotated, secret)
            if self._store.rotate(key, rotated, shown):
                return shown
        raise conflict("the key is being rotated by others: try again")

    def revoke(self, key_id: str) -> None:
        """Have a key refused from the next request on, for good. A key that is revoked stays as it is. Raises
        `EdgeError` (not found)."""
        if self.get(key_id).revoked_at is None:
            self._store.revoke(key_id, self._clock.now())

    def _known(self) -> Mapping[str, Permission]:
        return {permission.name: permission for permission in self._permissions()}

    def _new_secret(self) -> str:
        return new_secret(self._ids.token_bytes(SECRET_BYTES))


def _shown(key: ApiKey, secret: str) -> ShownKey:
    return ShownKey(key, Secret(KeyText(key.id, secret).compose()))
