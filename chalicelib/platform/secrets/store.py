"""Rows of secrets: keys, indexes and attribute names."""

from typing import Any

from chalicelib.kit.listing import LISTED_AT, IndexSource, Listing, Moment, Text, fixed
from chalicelib.kit.tables import Delete, Equals, Index, Item, Key, Put, Query, Set, Table, Thing, Update, put_new
from chalicelib.kit.tables.tenants import Tenant, whole
from chalicelib.platform.secrets.model import StoredSecret
from chalicelib.platform.secrets.rules import QUOTA

LISTING = "secrets"
"""The one partition of the index `listing` of a tenant: people make secrets one by one, so it is never hot."""

SECRETS = Table(
    "secrets",
    partition="id",
    indexes=(Index("listing", "listing", "listed_at", ("secret_id", "inserted_at", "updated_at")),),
    stream=True,
    tenanted=True,
    thing=Thing("secret", id="secret_id", name="name"),
)
"""The name is the key, so that it is unique because a row is. ``secret_id`` stands in the index as well."""

SECRET_LIST = Listing(
    SECRETS,
    fields={"name": Text("name"), "inserted_at": Moment("inserted_at"), "updated_at": Moment("updated_at")},
    sources=(IndexSource(index="listing", partitions=fixed(LISTING), insertion=LISTED_AT),),
)

_CHANGING = ("description", "value_version", "value_sealed", "value_changed_at", "updated_at")


def key_of(name: str) -> Key:
    return {"id": name}


def insert(secret: StoredSecret) -> Put:
    """A new secret; fails if there is one of that name."""
    listed_at = f"{secret.inserted_at}#{secret.name}"
    return put_new(SECRETS, {**_to_item(secret), "listing": LISTING, "listed_at": listed_at})


def replace(secret: StoredSecret, known_version: int) -> Update:
    """The secret as it is now, if its row has not changed since it was read in this version."""
    item = _to_item(secret)
    changes = tuple(Set(name, item[name]) for name in _CHANGING)
    return Update(SECRETS, key_of(secret.name), changes, Equals("version", known_version))


def remove(secret: StoredSecret) -> Delete:
    """Delete the row, if it has not changed since it was read."""
    row: Item = {"secret_id": secret.id, "name": secret.name}
    return Delete(SECRETS, key_of(secret.name), Equals("version", secret.version), was_read=True, row=row)


def from_item(row: Item) -> StoredSecret:
    return StoredSecret.model_validate({**row, "id": row["secret_id"]})


def holding(tenant: str, quota: str) -> list[Query]:
    """The COUNT queries of the secrets that take a quota of a tenant."""
    if quota != QUOTA:
        return []
    return [Query(whole(SECRETS), Tenant(tenant).name(LISTING), SECRETS.index("listing"), count_only=True)]


def _to_item(secret: StoredSecret) -> Item:
    item: dict[str, Any] = secret.model_dump(exclude={"version", "id"})
    return {**item, "id": secret.name, "secret_id": secret.id}
