"""Rows of SSH access: keys, indexes and attribute names.

A public key stands twice, in a row of its own (uniqueness, lists) and on the row of its user name (so that a
verification is one read). Both are always written in one transaction.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.fleet.ssh.account_store import LISTING, listed_at, page_of
from chalicelib.fleet.ssh.group_model import Person
from chalicelib.fleet.ssh.model import SshPublicKey, SshUsername
from chalicelib.kit.clock import parse_time
from chalicelib.kit.ids import compose_uuid7, milliseconds_of, to_milliseconds
from chalicelib.kit.listing import LISTED_AT, IndexSource, all_rows, as_given, fixed
from chalicelib.kit.tables import (
    Condition,
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

USERNAMES = Table(
    "ssh_usernames",
    partition="id",
    indexes=(
        Index("by_node", "node_id", "listed_at", ("username", "has_password", "inserted_at", "updated_at")),
        Index("listing", "listing", "listed_at", ("username", "has_password", "inserted_at", "updated_at", "node_id")),
        Index("by_username", "username", "listed_at", ("node_id", "inserted_at")),
    ),
    stream=True,
    unparked=frozenset({"password_hash", "public_keys"}),
    thing=Thing("ssh_username", name="username"),
)

# The keys' texts stay out: they would make up most of an entry, and entries are counted.
_KEY_FIELDS = ("key_name", "ssh_username_id", "username", "inserted_at", "updated_at")

KEYS = Table(
    "ssh_public_keys",
    partition="id",
    indexes=(
        Index("by_node", "node_id", "listed_at", _KEY_FIELDS),
        Index("listing", "listing", "listed_at", (*_KEY_FIELDS, "node_id")),
        Index("by_fingerprint", "fingerprint", "listed_at", ("node_id", "inserted_at")),
    ),
    stream=True,
    unparked=frozenset({"public_key"}),
    thing=Thing("ssh_public_key", name="key_name"),
)

ALL_USERNAMES = IndexSource(index="listing", partitions=fixed(LISTING), insertion=LISTED_AT, totals=all_rows(USERNAMES))
ALL_KEYS = IndexSource(index="listing", partitions=fixed(LISTING), insertion=LISTED_AT, totals=all_rows(KEYS))
OF_NODE = IndexSource(index="by_node", by="node_id", partitions=as_given, insertion=LISTED_AT)

USERNAME_TOTALS = ALL_USERNAMES.counted(USERNAMES)
KEY_TOTALS = ALL_KEYS.counted(KEYS)
"""Totals that are kept as counters, and what a recount reads."""


def username_id(node_id: str, node_inserted_at: str, username: str) -> str:
    """The id of a user name on a node: a UUIDv7 with the time of the node's enrolment and a hash of all three.

    It is the key: a name is unique on its node because a row is, a read by name or by id is a consistent one, and what
    was made for a machine that had this id before is not found under it.
    """
    digest = hashlib.sha256(f"{node_id}/{node_inserted_at}/{username}".encode()).digest()
    return compose_uuid7(to_milliseconds(parse_time(node_inserted_at)), int.from_bytes(digest[:10]))


def key_id(ssh_username_id: str, key_name: str) -> str:
    """The id of a key of a user name, made in the same way and for the same reason."""
    digest = hashlib.sha256(f"{ssh_username_id}/{key_name}".encode()).digest()
    return compose_uuid7(milliseconds_of(ssh_username_id), int.from_bytes(digest[:10]))


class OnNode(NamedTuple):
    """The id of a user name or a key, its node, and when it was made."""

    id: str
    node_id: str
    inserted_at: str


class SshStore:
    """Reads rows."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find_username(self, row_id: str) -> SshUsername | None:
        row = self._tables.get(USERNAMES, {"id": row_id})
        return None if row is None else username_from_item(row)

    def find_usernames(self, ids: Sequence[str]) -> list[SshUsername]:
        """Those that exist, in the order asked for."""
        rows = self._tables.get_many([username_ref(row_id) for row_id in ids])
        return [username_from_item(row) for row in rows if row is not None]

    def find_key(self, row_id: str) -> SshPublicKey | None:
        row = self._tables.get(KEYS, {"id": row_id})
        return None if row is None else key_from_item(row)

    def made_for(self, person: Person, after: str | None, limit: int) -> tuple[list[OnNode], str | None]:
        """The next user names of this name, or keys of this fingerprint, on any node, oldest first, and the cursor of
        the last one if there may be more. Read from an index, so a very recent one may be missing."""
        table, index, value = (USERNAMES, "by_username", person.username)
        if value is None:
            table, index, value = (KEYS, "by_fingerprint", person.fingerprint)
        entries, last = page_of(self._tables, table, index, str(value), after, limit)
        return [OnNode(str(row["id"]), str(row["node_id"]), str(row["inserted_at"])) for row in entries], last

    def usernames_of_node(self, node_id: str, after: str | None, limit: int) -> tuple[list[SshUsername], str | None]:
        """As `made_for`, the next user names of a node."""
        entries, last = page_of(self._tables, USERNAMES, "by_node", node_id, after, limit)
        return self.find_usernames([str(entry["id"]) for entry in entries]), last


def username_ref(row_id: str) -> Ref:
    return Ref(USERNAMES, {"id": row_id})


def insert(username: SshUsername) -> list[Put]:
    """A new user name with its keys; fails at its first write if the node has one of that name."""
    return [put_new(USERNAMES, _username_to_item(username)), *map(insert_key, username.public_keys)]


def insert_key(key: SshPublicKey) -> Put:
    """Insert the row of a key; fails if its user name has a key of that name."""
    return put_new(KEYS, {**key.model_dump(), "listing": LISTING, "listed_at": listed_at(key)})


def set_keys(username: SshUsername, keys: Sequence[SshPublicKey]) -> Update:
    """Store the keys in the row of their user name, if it has not changed since it was read."""
    shown: Value = [_key_on_username(key) for key in keys]
    return Update(USERNAMES, {"id": username.id}, (Set(_KEYS, shown),), _as_read(username))


def remove(username: SshUsername) -> list[Delete]:
    """Delete the row with all its keys, if it has not changed since it was read."""
    row: Item = {"username": username.username}
    own = Delete(USERNAMES, {"id": username.id}, _as_read(username), was_read=True, row=row)
    return [own, *map(remove_key, username.public_keys)]


def remove_key(key: SshPublicKey) -> Delete:
    """Delete the row of a key, without a condition: the condition on the user name's row decides."""
    return Delete(KEYS, {"id": key.id}, row={"key_name": key.key_name})


_KEYS = "public_keys"
_ON_USERNAME = ("id", "key_name", "public_key", "fingerprint", "inserted_at", "updated_at")
"""The fields of a key in the row of its user name; the others follow from the row."""


def _as_read(username: SshUsername) -> Condition:
    return Equals("changed_by.write_id", username.write_id)


def _key_on_username(key: SshPublicKey) -> dict[str, Value]:
    return {name: getattr(key, name) for name in _ON_USERNAME}


def _username_to_item(username: SshUsername) -> Item:
    item: Item = username.model_dump(exclude={"write_id", _KEYS})
    keys: Value = [_key_on_username(key) for key in username.public_keys]
    has_password = username.has_password
    return {**item, "has_password": has_password, _KEYS: keys, "listing": LISTING, "listed_at": listed_at(username)}


def username_from_item(row: Item) -> SshUsername:
    """A user name and its keys from its whole row."""
    owner = {"ssh_username_id": row["id"], "node_id": row["node_id"], "username": row["username"]}
    keys, stamp = row.get(_KEYS), row.get("changed_by")
    listed = keys if isinstance(keys, list) else []
    written = {"write_id": stamp["write_id"]} if isinstance(stamp, dict) else {}
    keys_whole = [{**owner, **key} for key in listed if isinstance(key, dict)]
    return SshUsername.model_validate({**row, **written, _KEYS: keys_whole})


def key_from_item(row: Item) -> SshPublicKey:
    """A key from its own row."""
    return SshPublicKey.model_validate(row)
