"""Rows of enrolment: keys, indexes and attribute names."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.fleet.enrollment.blob import key_id_of
from chalicelib.fleet.enrollment.model import NOBODY, EnrollmentKey, KeyChanges, Machines, RegistrationToken, Standing
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.crypto import digest
from chalicelib.kit.listing import (
    ALSO_IN,
    Custom,
    FilterValue,
    IndexSource,
    IsSet,
    KeySource,
    Listing,
    Moment,
    Number,
    Text,
    all_rows,
    fixed,
    rows_with,
)
from chalicelib.kit.tables import (
    Absent,
    Add,
    And,
    Check,
    Delete,
    Equals,
    Exists,
    Index,
    Item,
    Key,
    Less,
    LessOrEqual,
    Not,
    Or,
    Put,
    Query,
    Ref,
    Remove,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    put_new,
)

LISTING = "enrollment_keys"
"""The single partition of the index `listing`. Operators create keys one by one, so it is never hot."""

# Only what operators write: each verification changes uses_remaining and last_used_at and must not rewrite an index.
_PROJECTED = ("cluster_name", "name", "expired_at", "inserted_at", "updated_at")

TABLE = Table(
    "enrollment_keys",
    partition="id",
    indexes=(
        Index("by_cluster", partition="cluster_id", sort="id", projected=_PROJECTED),
        Index("listing", partition="listing", sort="id", projected=_PROJECTED),
    ),
    stream=True,
    expires_at="expires_epoch",
    thing=Thing("enrollment_key", name="name"),
)
"""Only keys that no operator has made are collected by their time."""

_ALL = IndexSource(index="listing", partitions=fixed(LISTING), totals=all_rows(TABLE))

TOTALS = _ALL.counted(TABLE)
"""The totals that are kept as counters, and the queries of a recount."""

TOKENS = Table("registration_tokens", partition="id", expires_at="expires_epoch")
"""Two kinds of rows that expire: tokens under their digest, after minutes, and under ``{key id}#{node id}`` the note
that a node has had its use of a key, after a day."""

CLEAN_UP_ROWS = 100
"""Keys that one chunk of a clean-up removes: the most that one transaction takes."""


def _is_spent(item: Item, value: FilterValue, _now: datetime) -> bool:
    return (item.get("uses_remaining") == 0) == value


def _is_expired(item: Item, value: FilterValue, now: datetime) -> bool:
    expired_at = item.get("expired_at")
    return (isinstance(expired_at, str) and parse_time(expired_at) < now) == value


def _is_key(item: Item, value: FilterValue, _now: datetime) -> bool:
    return item.get("key_digest") == digest(str(value))


FIELDS = {
    "cluster_name": Text("cluster_name", offers=ALSO_IN),
    "name": Text("name"),
    "has_name": IsSet("name"),
    "key": Custom(("key_digest",), _is_key),
    "uses_remaining": Number("uses_remaining"),
    "is_unlimited": IsSet("uses_remaining", negated=True),
    "is_spent": Custom(("uses_remaining",), _is_spent),
    "is_expired": Custom(("expired_at",), _is_expired),
    "is_never_used": IsSet("last_used_at", negated=True),
    "has_expiry": IsSet("expired_at"),
    "expired_at": Moment("expired_at"),
    "last_used_at": Moment("last_used_at"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of keys."""


@dataclass(frozen=True)
class Presented:
    """The key, the machine, and whether it has already used the key; that is remembered until ``noted_until`` (seconds
    text)."""

    key: EnrollmentKey | None
    use_noted: bool
    standing: Standing
    noted_until: str | None = None

    def as_if_new(self) -> "Presented":
        """As if this machine had no use of the key yet."""
        return replace(self, use_noted=False, standing=replace(self.standing, unused_key_id=None))


NOTHING = Presented(None, use_noted=False, standing=NOBODY)
"""No key of ours was presented."""


class EnrollmentStore:
    """Reads rows, and makes the writes that use cases commit. ``cluster_ids`` finds the clusters of some names."""

    def __init__(self, tables: Tables, cluster_ids: Callable[[tuple[str, ...]], list[str]], machines: Machines) -> None:
        self._tables = tables
        self._machines = machines
        self.listing = Listing(
            TABLE,
            fields=FIELDS,
            sources=(
                KeySource(by="key", keys=_keys_of),
                IndexSource(
                    index="by_cluster",
                    by="cluster_name",
                    partitions=cluster_ids,
                    totals=rows_with(TABLE, "cluster_name"),
                ),
                _ALL,
            ),
        )

    def find(self, key_id: str) -> EnrollmentKey | None:
        row = self._tables.get(TABLE, {"id": key_id})
        return None if row is None else key_from_item(row)

    def put(self, key: EnrollmentKey, removed_at: datetime | None = None) -> Put:
        """A new key; ``removed_at`` is when it may be collected."""
        item: Item = {**key.model_dump(exclude={"version"}), "labels": dict(key.labels) or None, "listing": LISTING}
        return put_new(TABLE, item if removed_at is None else {**item, "expires_epoch": int(removed_at.timestamp())})

    def change(self, key: EnrollmentKey, changes: KeyChanges, now: str) -> EnrollmentKey:
        """Raises `ConditionFailedError` when the key is gone."""
        sets = [Set(name, value) for name, value in changes.items() if isinstance(value, str | int | None)]
        if "labels" in changes:
            sets.append(Set("labels", dict(changes["labels"]) or None))
        # One whose end an operator has set is a key like any other.
        kept = [Remove("expires_epoch")] if "expired_at" in changes else []
        update = Update(TABLE, {"id": key.id}, (*sets, *kept, Set("updated_at", now)), Exists("id"))
        return key_from_item(self._tables.write(update, "enrollment_key.updated") or {})

    def delete(self, key: EnrollmentKey) -> None:
        """Remove a key that was read."""
        row: Item = {"name": key.name}
        self._tables.write(
            Delete(TABLE, {"id": key.id}, Exists("id"), was_read=True, row=row), "enrollment_key.deleted"
        )

    def delete_of_cluster(self, cluster_id: str, after: str | None) -> str | None:
        """Delete up to `CLEAN_UP_ROWS` keys after the id ``after``; returns the last id, None at the end."""
        start: Key | None = None if after is None else {"cluster_id": cluster_id, "id": after}
        index = TABLE.index("by_cluster")
        page = self._tables.query(Query(TABLE, cluster_id, index=index, limit=CLEAN_UP_ROWS, start=start))
        if page.items:
            self._tables.commit([Delete(TABLE, TABLE.key_of(row)) for row in page.items], "enrollment_key.deleted")
        return str(page.last_key["id"]) if page.last_key else None

    def read_for(self, key_id: str, node_id: str | None, now: datetime) -> Presented:
        """The key, this machine's use of it and how the machine stands, in one call."""
        if node_id is None:
            return Presented(self.find(key_id), use_noted=False, standing=NOBODY)
        refs = [Ref(TABLE, {"id": key_id}), Ref(TOKENS, {"id": _use_id(key_id, node_id)})]
        row, use, *known = self._tables.get_many([*refs, *self._machines.refs(node_id)])
        return Presented(
            None if row is None else key_from_item(row),
            use_noted=use is not None and _is_alive(use, now),
            standing=self._machines.standing(known),
            noted_until=None if use is None else str(use["expires_at"]),
        )

    def take_use(self, key: EnrollmentKey, now: datetime) -> Update | None:
        """One use of a key, only if it still has as many as were read, so that what is left is known.

        None for an unlimited key that was used within this second: a fleet that enrols with one key need not queue for
        its row.
        """
        text = to_seconds_text(now)
        changes = Set("last_used_at", text)
        if key.uses_remaining is not None:
            unchanged = Equals("uses_remaining", key.uses_remaining)
            return Update(TABLE, {"id": key.id}, (Add("uses_remaining", -1), changes), unchanged)
        if key.last_used_at is not None and key.last_used_at >= text:
            return None
        not_used_since = Or(Absent("last_used_at"), Less("last_used_at", text))
        still_unlimited = And(Exists("id"), Absent("uses_remaining"), not_used_since)
        return Update(TABLE, {"id": key.id}, (changes,), still_unlimited)

    def note_use(
        self, key: EnrollmentKey, node_id: str, now: datetime, lifetime: timedelta, *, over: str | None
    ) -> Put:
        """Remember that this machine had its use; fails if that is remembered already, but for a note that ends at
        ``over``, which was read."""
        item: Item = {"id": _use_id(key.id, node_id), **_expiry(now + lifetime)}
        none = Or(Absent("id"), LessOrEqual("expires_at", to_seconds_text(now)))
        return Put(TOKENS, item, none if over is None else Or(none, Equals("expires_at", over)))

    def put_token(self, token_digest: str, key: EnrollmentKey, node_id: str | None, expires: datetime) -> Update:
        """A registration token, of which only the digest is kept. Given again, it is good for longer."""
        item: Item = {
            "key_id": key.id,
            "cluster_id": key.cluster_id,
            "cluster_name": key.cluster_name,
            "labels": dict(key.labels) or None,
            "verified_for": node_id,
            **_expiry(expires),
        }
        return Update(TOKENS, {"id": token_digest}, tuple(Set(name, value) for name, value in item.items()))

    def find_token(self, token_digest: str) -> RegistrationToken | None:
        """The registration token, expired or not."""
        row = self._tables.get(TOKENS, {"id": token_digest})
        return None if row is None else RegistrationToken.model_validate(row)

    def bind_token(self, token: RegistrationToken, node_id: str, now: datetime) -> Update:
        """Give the token to this node, if no other has it and it is not expired."""
        alive = And(Exists("expires_at"), Not(LessOrEqual("expires_at", to_seconds_text(now))))
        ours = Or(Absent("node_id"), Equals("node_id", node_id))
        return Update(TOKENS, {"id": token.id}, (Set("node_id", node_id),), And(alive, ours))


def still_there(key_id: str) -> Check:
    """A check only; fails if the key was deleted."""
    return Check(TABLE, {"id": key_id}, Exists("id"))


def is_expired(expires_at: str, now: datetime) -> bool:
    """Tokens and notes end by their own time; DynamoDB collects them at some later one."""
    return expires_at <= to_seconds_text(now)


def _is_alive(row: Item, now: datetime) -> bool:
    return not is_expired(str(row["expires_at"]), now)


def _expiry(moment: datetime) -> Item:
    return {"expires_at": to_seconds_text(moment), "expires_epoch": int(moment.timestamp())}


def _use_id(key_id: str, node_id: str) -> str:
    return f"{key_id}#{node_id}"


def _keys_of(blobs: tuple[str, ...]) -> list[Key]:
    return [{"id": key_id} for blob in blobs if (key_id := key_id_of(blob)) is not None]


def key_from_item(row: Item) -> EnrollmentKey:
    return EnrollmentKey.model_validate(row)
