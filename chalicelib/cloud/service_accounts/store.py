"""Rows of service accounts: keys and attribute names."""

from collections.abc import Sequence

from chalicelib.cloud.gone import remove_chunk
from chalicelib.cloud.service_accounts.model import AccountSecret, ServiceAccount
from chalicelib.kit.tables import (
    Delete,
    Equals,
    Index,
    Item,
    Put,
    Query,
    Ref,
    Table,
    Tables,
    Thing,
    Value,
    Write,
    put_new,
)

ACCOUNTS = Table(
    "service_accounts",
    partition="id",
    indexes=(Index("listing", partition="listing", sort="id"),),
    tenanted=True,
    thing=Thing("service_account", name="name"),
)

OWNERS = Table("service_account_owners", partition="id")
"""The tenant of an account: a request for a token names the account alone."""

_LISTING = "service_accounts"
"""The single partition of a tenant's accounts, a hundred at most."""


class AccountStore:
    """Service accounts on `Tables` that are not scoped."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, tenant: str, account_id: str) -> ServiceAccount | None:
        """An account of a tenant, by a consistent read."""
        row = self._tables.scoped(tenant).get(ACCOUNTS, {"id": account_id})
        return None if row is None else _account(row)

    def owner_of(self, account_id: str) -> str | None:
        """The tenant of an account."""
        row = self._tables.get(OWNERS, {"id": account_id})
        return None if row is None else str(row["tenant"])

    def all(self, tenant: str) -> list[ServiceAccount]:
        """The accounts of a tenant, the oldest first, as far as the index shows them."""
        tables = self._tables.scoped(tenant)
        pages = tables.pages(Query(ACCOUNTS, _LISTING, ACCOUNTS.index("listing")))
        refs = [Ref(ACCOUNTS, {"id": str(row["id"])}) for page in pages for row in page.items]
        return [_account(row) for row in tables.get_many(refs) if row is not None]


def empty_chunk(tables: Tables, cursor: str | None) -> str | None:
    """Remove the next accounts of a deleted tenant, on its view; returns the cursor of the next chunk if there are
    more. The index lags: the task looks a second time."""
    return remove_chunk(tables, Query(ACCOUNTS, _LISTING, ACCOUNTS.index("listing")), cursor, _owner_of)


def _owner_of(row: Item) -> list[Write]:
    return [Delete(OWNERS, {"id": str(row["id"])})]


def put_account(account: ServiceAccount) -> Put:
    """A new account."""
    return put_new(ACCOUNTS, _item(account))


def put_owner(account: ServiceAccount) -> Put:
    """The tenant of a new account."""
    return put_new(OWNERS, {"id": account.id, "tenant": account.tenant})


def replace_account(old: ServiceAccount, new: ServiceAccount) -> Put:
    """The account with other values; fails if it has changed since."""
    return Put(ACCOUNTS, _item(new), Equals("version", old.version))


def delete_account(account: ServiceAccount) -> Delete:
    """The account is gone; fails if it has changed since."""
    return Delete(ACCOUNTS, {"id": account.id}, Equals("version", account.version))


def delete_owner(account: ServiceAccount) -> Delete:
    """The account belongs to no tenant any more."""
    return Delete(OWNERS, {"id": account.id})


def _account(row: Item) -> ServiceAccount:
    return ServiceAccount.model_validate(row)


def _item(account: ServiceAccount) -> Item:
    plain = account.model_dump(exclude={"version", "policies", "secrets", "hash_key_sealed"})
    policies: list[Value] = [*account.policies]
    return {
        **plain,
        "policies": policies,
        "secrets": _listed(account.secrets),
        "hash_key_sealed": account.hash_key_sealed,
        "listing": _LISTING,
    }


def _listed(secrets: Sequence[AccountSecret]) -> list[Value]:
    return [{**secret.model_dump()} for secret in secrets]
