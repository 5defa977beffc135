"""Rows of users, of their addresses, and of the members of tenants: keys and attribute names.

An address is a row of its own, so that two users never have the same, and one user may have several. A member is the
place of a user in a tenant: a user may have a place in several, one of which its own row names.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import found
from chalicelib.kit.tables import (
    Absent,
    And,
    Between,
    Change,
    Check,
    Delete,
    Equals,
    Exists,
    Item,
    Key,
    Put,
    Query,
    Ref,
    Remove,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    Value,
    put_new,
)
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.identity.model import Member, User

USERS = Table("users", partition="id", thing=Thing("user"))

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
        return user_of(self._tables.get(USERS, {"id": user_id}))

    def acting(self, principal: Principal) -> User:
        """The user that a principal acts for. Raises `EdgeError` (not found) for one without a user."""
        return found(self.find(principal.user) if principal.user else None)

    def id_of(self, email: str) -> str | None:
        """The id of the user with that address, by a consistent read."""
        row = self._tables.get(ADDRESSES, {"email": email})
        return None if row is None else str(row["user_id"])

    def members(self, tenant: str) -> list[tuple[Member, User]]:
        """The members of a tenant with their users, the oldest first."""
        members = list(self.members_in(tenant))
        rows = self._tables.get_many([user_ref(member.user_id) for member in members])
        return [(member, user) for member, user in zip(members, map(user_of, rows), strict=True) if user is not None]

    def members_in(self, tenant: str) -> Iterator[Member]:
        """The places of users in a tenant, by consistent reads, page by page."""
        for page in self._tables.pages(Query(MEMBERS, tenant, consistent=True)):
            yield from map(_member, page.items)

    def next_members(self, tenant: str, limit: int, after: str = "") -> list[Member]:
        """The next places of users in a tenant behind the user ``after``, the oldest user first, by a consistent
        read."""
        behind = Between(f"{after}!", "~") if after else None
        page = self._tables.query(Query(MEMBERS, tenant, sort=behind, limit=limit, consistent=True))
        return [_member(row) for row in page.items]

    def find_many(self, user_ids: Sequence[str]) -> list[User]:
        """The users of these ids that there are."""
        rows = self._tables.get_many([user_ref(user_id) for user_id in user_ids])
        return [user for user in map(user_of, rows) if user is not None]

    def member(self, tenant: str, user_id: str) -> Member | None:
        """The place of a user in a tenant, by a consistent read."""
        return member_of(self._tables.get(MEMBERS, _member_key(tenant, user_id)))


def put_user(user: User) -> Sequence[Put]:
    """A new user with its address; fails if another user has that. The address is the first write."""
    address: Item = {"email": user.email, "user_id": user.id, "inserted_at": user.inserted_at}
    return put_new(ADDRESSES, address), put_new(USERS, _item(user))


def _item(user: User) -> Item:
    tenants: list[Value] = [*user.tenants]
    return {**user.model_dump(exclude={"version", "tenants"}), "tenants": tenants or None}


def put_member(tenant: str, user_id: str, role: str, now: datetime) -> Put:
    """A new member of a tenant."""
    return put_new(MEMBERS, {"tenant": tenant, "user_id": user_id, "role": role, "inserted_at": to_seconds_text(now)})


def change_role(member: Member, role: str) -> Update:
    """The member has another role; fails if it has changed since."""
    key = _member_key(member.tenant, member.user_id)
    return Update(MEMBERS, key, (Set("role", role),), Equals("version", member.version))


def stays_member(member: Member) -> Check:
    """Fails if the member has changed since, or is gone."""
    return Check(MEMBERS, _member_key(member.tenant, member.user_id), Equals("version", member.version))


def attach_policies(member: Member, policies: Sequence[str]) -> Update:
    """The member has these policies; fails if it has changed since."""
    listed: list[Value] = [*policies]
    key = _member_key(member.tenant, member.user_id)
    return Update(MEMBERS, key, (Set("policies", listed),), Equals("version", member.version))


def remove_member(tenant: str, user_id: str, role: str) -> Delete:
    """The member of that role has no place in the tenant any more; fails if it has another role, or none."""
    return Delete(MEMBERS, _member_key(tenant, user_id), Equals("role", role))


def change_memberships(user: User, tenants: Sequence[str], tenant: str, now: datetime) -> Update:
    """The user has places in these ``tenants``, and works in ``tenant``; fails if the user has changed since."""
    listed: list[Value] = [*tenants]
    changes = (Set("tenants", listed), Set("tenant", tenant), Set("updated_at", to_seconds_text(now)))
    return Update(USERS, {"id": user.id}, changes, Equals("version", user.version))


def forget_user(user: User, now: datetime) -> Sequence[Update | Delete]:
    """The user is gone, and what is kept says nothing of the person; fails if the user has changed since."""
    at = to_seconds_text(now)
    personal = ("email", "alias", "full_name", "tenant", "tenants")
    changes: tuple[Change, ...] = (*map(Remove, personal), Set("deleted_at", at), Set("updated_at", at))
    return (
        Update(USERS, {"id": user.id}, changes, Equals("version", user.version)),
        Delete(ADDRESSES, {"email": user.email}, Equals("user_id", user.id)),
    )


def user_there(user_id: str) -> Check:
    """Fails for a user that is gone."""
    return Check(USERS, {"id": user_id}, And(Exists("id"), Absent("deleted_at")))


def user_ref(user_id: str) -> Ref:
    """The row of a user."""
    return Ref(USERS, {"id": user_id})


def member_ref(tenant: str, user_id: str) -> Ref:
    """The row of a user's place in a tenant."""
    return Ref(MEMBERS, _member_key(tenant, user_id))


def user_of(row: Item | None) -> User | None:
    """The user of a row; None for no row, and for what is kept of a user who is gone."""
    return None if row is None or "deleted_at" in row else User.model_validate(row)


def member_of(row: Item | None) -> Member | None:
    """The member of a row."""
    return None if row is None else _member(row)


def _member(row: Item) -> Member:
    return Member.model_validate(row)


def _member_key(tenant: str, user_id: str) -> Key:
    return {"tenant": tenant, "user_id": user_id}
