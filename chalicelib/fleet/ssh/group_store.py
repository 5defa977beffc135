"""Rows of users of groups and of people who lost access: keys, indexes and attribute names."""

import hashlib
from collections.abc import Iterable, Sequence

from chalicelib.fleet.ssh.account_store import LISTING, listed_at, page_of
from chalicelib.fleet.ssh.group_model import Group, GroupUser, Person
from chalicelib.kit.ids import compose_uuid7
from chalicelib.kit.listing import LISTED_AT, IndexSource, all_rows, fixed
from chalicelib.kit.tables import (
    Delete,
    Equals,
    Index,
    Item,
    Put,
    Ref,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    Value,
    put_new,
)

_LISTED = ("username", "has_password", "cluster_name", "label", "inserted_at", "updated_at")

GROUP_USERS = Table(
    "ssh_group_users",
    partition="id",
    indexes=(
        Index("by_group", "group", "listed_at", _LISTED),
        Index("listing", "listing", "listed_at", (*_LISTED, "group")),
    ),
    stream=True,
    unparked=frozenset({"password_hash", "public_keys"}),
    thing=Thing("ssh_group_user", name="username"),
)

REVOCATIONS = Table("ssh_revocations", partition="id", stream=True, thing=Thing("ssh_access"))
"""The time at which a person lost access, in one cluster or everywhere. Credentials that were made up to then are
refused, whether their rows have been found and deleted by now or not. The rows stay: some hundred bytes for each person
who left."""

ALL_GROUP_USERS = IndexSource(
    index="listing", partitions=fixed(LISTING), insertion=LISTED_AT, totals=all_rows(GROUP_USERS)
)
GROUP_USER_TOTALS = ALL_GROUP_USERS.counted(GROUP_USERS)
"""Totals that are kept as counters, and what a recount reads."""

EVERYWHERE = "everywhere"
"""Stands for the cluster in the key of a revocation that holds in all clusters."""


def group_user_id(group: Group, username: str) -> str:
    """The id of a user name in a group: a UUID made of both, so that a name is unique in its group because a row is,
    and a login finds it by one consistent read."""
    digest = hashlib.sha256(f"{group.key}/{username}".encode()).digest()
    return compose_uuid7(int.from_bytes(digest[10:16]), int.from_bytes(digest[:10]))


def group_user_ref(group: Group, username: str) -> Ref:
    return Ref(GROUP_USERS, {"id": group_user_id(group, username)})


def revocation_ref(person: Person, cluster_id: str | None) -> Ref:
    """The row about a person in a cluster; None: in all clusters."""
    return Ref(REVOCATIONS, {"id": f"{cluster_id or EVERYWHERE}#{person.key}"})


class GroupStore:
    """Reads rows."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, row_id: str) -> GroupUser | None:
        row = self._tables.get(GROUP_USERS, {"id": row_id})
        return None if row is None else user_from_item(row)

    def page_of_all(self, after: str | None, limit: int) -> tuple[list[GroupUser], str | None]:
        """The next users of all groups, oldest first, and the cursor of the last one if there may be more. Read from an
        index, so a very recent one may be missing."""
        return self._page("listing", LISTING, after, limit)

    def page_of_group(self, group: Group, limit: int) -> tuple[list[GroupUser], str | None]:
        """As `page_of_all`, the first users of a group."""
        return self._page("by_group", group.key, None, limit)

    def _page(self, index: str, value: str, after: str | None, limit: int) -> tuple[list[GroupUser], str | None]:
        entries, last = page_of(self._tables, GROUP_USERS, index, value, after, limit)
        rows = self._tables.get_many([Ref(GROUP_USERS, {"id": str(entry["id"])}) for entry in entries])
        return [user_from_item(row) for row in rows if row is not None], last


def groups_of(cluster_id: str, labels: Iterable[tuple[str, str]]) -> list[Group]:
    """The groups of a node: its cluster, then its labels in their order."""
    return [Group(cluster_id=cluster_id), *(Group(label=f"{name}:{value}") for name, value in sorted(labels))]


def insert(user: GroupUser) -> Put:
    """A new user; fails if the group has one of that name."""
    return put_new(GROUP_USERS, _to_item(user))


def replace(user: GroupUser) -> Update:
    """The user with new credentials, if it has not changed since it was read."""
    changed = ("password_hash", "has_password", "public_keys", "updated_at")
    item = _to_item(user)
    changes = tuple(Set(name, item[name]) for name in changed)
    return Update(GROUP_USERS, {"id": user.id}, changes, Equals("version", user.version))


def remove(user: GroupUser) -> Delete:
    """Delete the row, if it has not changed since it was read."""
    row: Item = {"username": user.username}
    return Delete(GROUP_USERS, {"id": user.id}, Equals("version", user.version), was_read=True, row=row)


def note_revoked(person: Person, cluster_id: str | None, now: str) -> Update:
    """Credentials of this person that were made until now (seconds text) are refused."""
    table, key = revocation_ref(person, cluster_id)
    return Update(table, key, (Set("revoked_at", now),))


def latest_revocation(rows: Sequence[Item | None]) -> str:
    """The latest time at which access was lost by one of these rows; an empty text if never."""
    return max((str(row["revoked_at"]) for row in rows if row is not None), default="")


def _to_item(user: GroupUser) -> Item:
    item: Item = user.model_dump(exclude={"version", "public_keys"})
    keys: Value = [key.model_dump() for key in user.public_keys]
    return {
        **item,
        "has_password": user.has_password,
        "public_keys": keys,
        "listing": LISTING,
        "listed_at": listed_at(user),
    }


def user_from_item(row: Item) -> GroupUser:
    return GroupUser.model_validate(row)
