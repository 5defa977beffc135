"""Lists of user names on nodes, of their keys and of users of groups, page by page, and the note of a login on their
rows."""

from typing import Protocol

from chalicelib.kit.tables import Absent, And, Equals, Item, Key, Less, Or, Query, Ref, Set, Table, Tables, Update

LISTING = "ssh"
"""The one partition of each index `listing`: operators make these rows one by one, so it is never hot."""


class Made(Protocol):
    """A row with an id, and the time when it was made."""

    @property
    def id(self) -> str: ...
    @property
    def inserted_at(self) -> str: ...


def listed_at(row: Made) -> str:
    """The sort key of lists. Ids do not say when the row was made."""
    return f"{row.inserted_at}#{row.id}"


def page_of(
    tables: Tables, table: Table, index: str, value: str, after: str | None, limit: int
) -> tuple[list[Item], str | None]:
    """The next entries of an index with this value, oldest first, and the cursor of the last one if there may be more.
    Very recent rows may be missing."""
    by = table.index(index)
    start: Key | None = None
    if after is not None:
        start = {by.partition: value, "listed_at": after, "id": after.partition("#")[2]}
    page = tables.query(Query(table, value, by, limit=limit, start=start))
    return page.items, None if page.last_key is None else str(page.last_key["listed_at"])


def note_verified(ref: Ref, row: Made, now: str, not_since: str) -> Update:
    """Store the time of a login, if the row is the same still and none was stored after ``not_since``."""
    long_ago = Or(Absent("last_verified_at"), Less("last_verified_at", not_since))
    same = Equals("inserted_at", row.inserted_at)
    return Update(ref.table, ref.key, (Set("last_verified_at", now),), And(same, long_ago))
