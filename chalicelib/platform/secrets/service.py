"""`Secrets`: the secrets of a tenant are saved, listed, deleted, and opened for what uses them."""

from collections.abc import Collection, Mapping

from chalicelib.kit import crypto
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.crypto import Sealer, associated_data
from chalicelib.kit.data_keys import UnsealError
from chalicelib.kit.errors import found, taken, unavailable
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import Ref, Tables, TransactionFailedError
from chalicelib.platform.quotas.rules import quota_exceeded, tenant_is_gone
from chalicelib.platform.quotas.service import Quotas
from chalicelib.platform.secrets import rules, store
from chalicelib.platform.secrets.model import MOST_OF_A_TENANT, NewSecret, StoredSecret
from chalicelib.platform.secrets.rules import QUOTA
from chalicelib.platform.secrets.store import SECRET_LIST, SECRETS


class Secrets:
    """The secrets of one tenant: ``tables`` and ``lists`` are scoped to it. ``limit`` is how many it may have."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        sealer: Sealer,
        *,
        lists: Lists,
        quotas: Quotas,
        limit: int = MOST_OF_A_TENANT,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._sealer = sealer
        self._lists = lists
        self._quotas = quotas
        self._limit = limit

    def save(self, new: NewSecret) -> StoredSecret:
        """Make the secret of this name, or change it: another value is its next version, and is used from then on. The
        same once more changes nothing. Raises `EdgeError` (validation failed), (forbidden) beyond the quota,
        (service unavailable)."""
        rules.check(new)
        for _ in self._tables.tries():
            known = self._find(new.name)
            if known is None:
                made = self._insert(new)
                if made is not None:
                    return made
                continue
            changed = self._changed(known, new)
            if changed == known:
                return known
            if self._tables.try_write(store.replace(changed, known.version), "secret.changed"):
                return changed
        raise unavailable()

    def create(self, new: NewSecret) -> StoredSecret:
        """Make a secret. Raises `EdgeError` (validation failed), (conflict) for a name that is taken, (forbidden)
        beyond the quota."""
        rules.check(new)
        made = self._insert(new)
        if made is None:
            raise taken("name")
        return made

    def find(self, name: str) -> StoredSecret | None:
        """The secret of that name."""
        return self._find(name)

    def get(self, name: str) -> StoredSecret:
        """Raises `EdgeError` (not found)."""
        return found(self._find(name))

    def list_page(self, request: ListRequest) -> ListPage[StoredSecret]:
        """One page; raises as `Lists.page` does."""
        return self._lists.page(SECRET_LIST, request).map(store.from_item)

    def delete(self, name: str) -> None:
        """Delete a secret with its value. Raises `EdgeError` (not found, service unavailable)."""
        secret = self.get(name)
        for _ in self._tables.tries():
            writes = (store.remove(secret), self._quotas.returning(QUOTA))
            if is_committed(self._tables, writes, "secret.deleted"):
                return
            later = self._find(name)
            if later is None:
                return
            secret = later
        raise unavailable()

    def missing(self, names: Collection[str]) -> list[str]:
        """The names of which there is no secret. One call per 100."""
        rows = self._rows(names)
        return [name for name in sorted(set(names)) if name not in rows]

    def values(self, names: Collection[str]) -> Mapping[str, crypto.Secret]:
        """The values by name, as they are now. One call per 100. Raises `EdgeError` (conflict) for one that is missing
        or cannot be opened; the error names it."""
        rows = self._rows(names)
        for name in names:
            if name not in rows:
                raise rules.gone(name)
        opened = {name: self._opened(rows[name]) for name in names}
        for name, value in opened.items():
            if value is None:
                raise rules.unreadable(name)
        return {name: value for name, value in opened.items() if value is not None}

    def _find(self, name: str) -> StoredSecret | None:
        row = self._tables.get(SECRETS, store.key_of(name))
        if row is None:
            return None
        secret = store.from_item(row)
        check_found(secret.id, secret.name)
        return secret

    def _rows(self, names: Collection[str]) -> dict[str, StoredSecret]:
        rows = self._tables.get_many([Ref(SECRETS, store.key_of(name)) for name in sorted(set(names))])
        return {secret.name: secret for secret in (store.from_item(row) for row in rows if row is not None)}

    def _insert(self, new: NewSecret) -> StoredSecret | None:
        """The new secret; None if another caller has just made one of that name. Raises `EdgeError` (forbidden) beyond
        the quota, and for a tenant that was deleted."""
        if new.value is None:
            raise rules.value_needed()
        now = self._clock.now()
        text = to_seconds_text(now)
        secret = StoredSecret(
            id=self._ids.uuid7(now),
            name=new.name,
            description=new.description,
            value_sealed=self._sealed(new.name, new.value),
            value_changed_at=text,
            inserted_at=text,
            updated_at=text,
        )
        try:
            writes = (store.insert(secret), self._quotas.taking(QUOTA, self._limit), self._quotas.making())
            self._tables.commit(writes, "secret.created", result=secret)
        except TransactionFailedError as error:
            if 0 in error.failed:
                return None
            if 1 not in error.failed:
                raise tenant_is_gone() from error
            raise quota_exceeded(QUOTA, self._limit) from error
        return secret

    def _changed(self, known: StoredSecret, new: NewSecret) -> StoredSecret:
        """The secret with another description and value, or as it is."""
        now = to_seconds_text(self._clock.now())
        update: dict[str, object] = {}
        if new.description != known.description:
            update = {"description": new.description, "updated_at": now}
        if new.value is not None and new.value != self._opened(known):
            update |= {
                "description": new.description,
                "value_version": known.value_version + 1,
                "value_sealed": self._sealed(known.name, new.value),
                "value_changed_at": now,
                "updated_at": now,
            }
        return known.model_copy(update={**update, "version": known.version + 1}) if update else known

    def _sealed(self, name: str, value: crypto.Secret) -> bytes:
        return self._sealer.seal(value.reveal(), _associated(name))

    def _opened(self, secret: StoredSecret) -> crypto.Secret | None:
        """The value; None if its data key was dropped, or it was sealed for another place."""
        try:
            return self._sealer.open(secret.value_sealed, _associated(secret.name))
        except UnsealError:
            return None


def _associated(name: str) -> str:
    return associated_data(SECRETS, name, "value")
