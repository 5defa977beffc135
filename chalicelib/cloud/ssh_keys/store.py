"""Rows of SSH keys: keys and attribute names."""

from chalicelib.cloud.gone import remove_chunk
from chalicelib.cloud.ssh_keys.model import SshKey
from chalicelib.kit.tables import Delete, Equals, Item, Put, Query, Table, Tables, put_new

SSH_KEYS = Table("tenant_ssh_keys", partition="listing", sort="name", tenanted=True)
"""By name, so that a tenant has one key of a name."""

_LISTING = "ssh_keys"
"""The single partition of a tenant's keys, a hundred at most."""


class SshKeyStore:
    """The keys of one tenant, on its scoped `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def all(self) -> list[SshKey]:
        """All, by name, by a consistent read."""
        pages = self._tables.pages(Query(SSH_KEYS, _LISTING, consistent=True))
        return [SshKey.model_validate(row) for page in pages for row in page.items]


def empty_chunk(tables: Tables, cursor: str | None) -> str | None:
    """Remove the next keys of a deleted tenant, on its view; returns the cursor of the next chunk if there are more."""
    return remove_chunk(tables, Query(SSH_KEYS, _LISTING, consistent=True), cursor)


def put_key(key: SshKey) -> Put:
    """A new key; fails if the name is taken."""
    item: Item = {**key.model_dump(exclude={"version"}), "listing": _LISTING}
    return put_new(SSH_KEYS, item)


def delete_key(key: SshKey) -> Delete:
    """The key is gone; fails if it has changed since."""
    return Delete(SSH_KEYS, {"listing": _LISTING, "name": key.name}, Equals("version", key.version))
