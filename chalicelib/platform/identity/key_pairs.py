"""Key pairs: named keys that callers make for themselves, shown in two halves, and verified by mail for users."""

from datetime import timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import found
from chalicelib.kit.tables import Put, Tables
from chalicelib.platform.access.api_keys import ApiKeys
from chalicelib.platform.access.model import CREATED, ApiKey, NewApiKey
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.access.rules import is_usable
from chalicelib.platform.access.store import ApiKeyStore, put_key
from chalicelib.platform.identity.model import NewKeyPair, Subject, Verification
from chalicelib.platform.identity.rules import check_no_guest, owner_of, role_of_pair
from chalicelib.platform.identity.user_store import UserStore
from chalicelib.platform.identity.verification_store import put_verification
from chalicelib.platform.identity.verifications import Verifications


class KeyPairs:
    """A key pair may do what its maker may, as an operator at most, in its maker's tenant."""

    def __init__(self, tables: Tables, clock: Clock, keys: ApiKeys, verifications: Verifications) -> None:
        self._tables = tables
        self._store = ApiKeyStore(tables)
        self._users = UserStore(tables)
        self._clock = clock
        self._keys = keys
        self._verifications = verifications

    def address_of(self, by: Principal) -> str | None:
        """The address that the code of a new key pair goes to, None for a caller without a user. Raises `EdgeError`
        (not found) for a user that is gone, and (forbidden) for a guest, before a mail is counted."""
        check_no_guest(by)
        return found(self._users.find(by.user)).email if by.user else None

    def create(self, name: str, days: int, address: str | None, by: Principal) -> NewKeyPair:
        """Create a key pair that is accepted for so many days, once it is verified by a code that is mailed to the
        ``address``; without one, at once. Raises `EdgeError` (validation failed) for a name of blanks, and (forbidden)
        for one that would outlive the key that makes it, and for a guest."""
        check_no_guest(by)
        wanted = NewApiKey(
            name=name,
            role=role_of_pair(by),
            permissions=() if by.role else tuple(sorted(by.permissions)),
            restrictions={what: {one: one for one in sorted(ids)} for what, ids in by.restrictions.items()},
            outputs=by.outputs,
            requests_per_minute=by.requests_per_minute,
            expires_at=self._clock.now() + timedelta(days=days),
            user=by.user or None,
            owner=owner_of(by),
            verified=address is None,
        )
        shown = self._keys.make(wanted, by)
        code: Verification | None = None
        writes: list[Put] = [put_key(shown.key)]
        if address is not None:
            code = self._verifications.new(Subject.KEY, shown.key.id, address)
            writes.append(put_verification(code))
        made = NewKeyPair(shown, code.id if code else None)
        self._tables.commit(writes, CREATED, result=made)
        return made

    def usable(self, by: Principal) -> list[ApiKey]:
        """The principal's key pairs that have not ended, verified or not, the newest first."""
        now = self._clock.now()
        return [key for key in self._store.owned(owner_of(by)) if is_usable(key, now)]

    def revoke(self, key_id: str, by: Principal) -> None:
        """Have a key pair refused from now on: one of the principal's, or, for a principal without a user, any of
        its tenant; a guest revokes its own alone. Raises `EdgeError` (not found)."""
        key = found(self._store.find(key_id))
        is_pair = key.owner is not None
        is_theirs = key.owner == owner_of(by) if by.is_guest else by.user in {"", key.user}
        found(key if is_pair and key.tenant == by.tenant and is_theirs else None)
        self._keys.revoke(key_id)
