"""`SshKeys`: the public keys of a tenant."""

from chalicelib.cloud.commits import changed_meanwhile, commit_of_tenant
from chalicelib.cloud.names import check_count, check_name
from chalicelib.cloud.ssh_keys import store
from chalicelib.cloud.ssh_keys.model import SshKey
from chalicelib.cloud.ssh_keys.store import SshKeyStore
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, found, invalid, taken
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.openssh import BadKeyError, parse
from chalicelib.kit.tables import Delete, Put, Tables
from chalicelib.platform.access.principal import Principal

MOST_KEYS = 100


class SshKeys:
    """Each change touches the tenant's row, which the audit log tells."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids

    def all(self, tenant: str) -> list[SshKey]:
        """All keys of a tenant, by name."""
        return SshKeyStore(self._tables.scoped(tenant)).all()

    def get(self, tenant: str, id_or_name: str) -> SshKey:
        """Raises `EdgeError` (not found)."""
        keys = self.all(tenant)
        key = found(next((key for key in keys if id_or_name in {key.id, key.name}), None))
        check_found(key.id, key.name)
        return key

    def add(self, tenant: str, name: str, public_key: str, by: Principal) -> SshKey:
        """Raises `EdgeError` (validation failed) for a text that is not a key in OpenSSH's form, or a weak one,
        (conflict) for a name that is taken, (not found) for a deleted tenant."""
        check_name(name)
        try:
            fingerprint = parse(public_key).fingerprint
        except BadKeyError as error:
            raise invalid("public_key", error.text) from error
        check_count("SSH keys", len(self.all(tenant)), MOST_KEYS)
        now = self._clock.now()
        key = SshKey(
            id=self._ids.uuid7(now),
            name=name,
            public_key=public_key.strip(),
            fingerprint=fingerprint,
            user=by.user or None,
            inserted_at=to_seconds_text(now),
        )
        self._write(tenant, store.put_key(key), key, taken("name"))
        return key

    def delete(self, tenant: str, id_or_name: str) -> None:
        """Raises `EdgeError` (not found, conflict)."""
        self._write(tenant, store.delete_key(self.get(tenant, id_or_name)), None, changed_meanwhile("the key"))

    def _write(self, tenant: str, write: Put | Delete, result: object, refused: EdgeError) -> None:
        now, operation = self._clock.now(), "tenant.ssh_keys_changed"
        commit_of_tenant(self._tables, tenant, [write], operation, now, result=result, refused=refused)
