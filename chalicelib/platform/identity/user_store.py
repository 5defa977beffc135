"""Rows of users, of their addresses, and of the members of tenants: keys and attribute names.

An address is a row of its own, so that two users never have the same, and one user may have several. A member is the
place of a user in a tenant: a user may have a place in several, one of which its own row names.
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import Item, Put, Query, Ref, Table, Tables, put_new
from chalicelib.platform.identity.model import User

USERS = Table("users", partition="id")

ADDRESSES = Table("addresses", partition="email")

MEMBERS = Table("members", partition="tenant", sort="user_id")
"""Not a table of tenants: it is what says which tenant a caller belongs to."""

OWNER = "owner"
"""The role of the member that registered the tenant."""


class UserStore:
    """Users on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, user_id: str) -> User | None:
        """The user, by a consistent read."""
        row = self._tables.get(USERS, {"id": user_id})
        return None if row is None else _user(row)

    def id_of(self, email: str) -> str | None:
        """The id of the user with that address, by a consistent read."""
        row = self._tables.get(ADDRESSES, {"email": email})
        return None if row is None else str(row["user_id"])

    def members(self, tenant: str) -> list[User]:
        """The members of a tenant, the oldest first."""
        pages = self._tables.pages(Query(MEMBERS, tenant, consistent=True))
        refs = [Ref(USERS, {"id": str(row["user_id"])}) for page in pages for row in page.items]
        return [_user(row) for row in self._tables.get_many(refs) if row is not None]


def put_user(user: User) -> Sequence[Put]:
    """A new user with its address; fails if another user has that. The address is the first write."""
    address: Item = {"email": user.email, "user_id": user.id, "inserted_at": user.inserted_at}
    return put_new(ADDRESSES, address), put_new(USERS, {**user.model_dump()})


def put_member(tenant: str, user_id: str, role: str, now: datetime) -> Put:
    """A new member of a tenant."""
    return put_new(MEMBERS, {"tenant": tenant, "user_id": user_id, "role": role, "inserted_at": to_seconds_text(now)})


def _user(row: Item) -> User:
    return User.model_validate(row)
