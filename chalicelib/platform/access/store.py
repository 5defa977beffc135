"""Rows of named keys: keys, indexes and attribute names."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.listing import (
    Choice,
    Custom,
    FilterValue,
    IndexSource,
    IsSet,
    Listing,
    Moment,
    Text,
    all_rows,
    fixed,
)
from chalicelib.kit.tables import (
    Absent,
    And,
    Between,
    ConditionFailedError,
    Equals,
    Exists,
    Index,
    Item,
    Key,
    LessOrEqual,
    Or,
    Put,
    Query,
    Ref,
    Remove,
    Set,
    SetIfAbsent,
    Table,
    Tables,
    Thing,
    Update,
    Value,
    put_new,
)
from chalicelib.platform.access.model import CREATED, USE_NOTED_EVERY, ApiKey

LISTING = "api_keys"
"""The single partition of the index `listing`. Keys are made one by one, so it is never hot."""

API_KEYS = Table(
    "api_keys",
    partition="id",
    indexes=(
        # Not last_used_at: each use would write the index as well.
        Index(
            "listing",
            partition="listing",
            sort="id",
            projected=("name", "role", "expires_at", "revoked_at", "inserted_at", "updated_at"),
        ),
        Index("by_owner", partition="owner", sort="id"),
    ),
    stream=True,
    # The operations of callers. Uses are frequent and need no message; rows are never removed.
    relayed=frozenset({CREATED, "api_key.updated", "api_key.rotated", "api_key.revoked"}),
    unparked=frozenset({"secret_hash", "previous"}),
    thing=Thing("api_key", name="name"),
)
"""Rows stay for good: old logs and audit events name keys by id."""

_ALL = IndexSource(index="listing", partitions=fixed(LISTING), totals=all_rows(API_KEYS))

TOTALS = _ALL.counted(API_KEYS)
"""The totals that are kept as counters, and the queries of a recount."""


def _is_expired(item: Item, value: FilterValue, now: datetime) -> bool:
    expires_at = item.get("expires_at")
    return (isinstance(expires_at, str) and parse_time(expires_at) <= now) == value


FIELDS = {
    "name": Text("name"),
    "role": Choice("role"),
    "has_role": IsSet("role"),
    "is_revoked": IsSet("revoked_at"),
    "is_expired": Custom(("expires_at",), _is_expired),
    "has_expiry": IsSet("expires_at"),
    "is_never_used": IsSet("last_used_at", negated=True),
    "expires_at": Moment("expires_at"),
    "last_used_at": Moment("last_used_at"),
    "revoked_at": Moment("revoked_at"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of keys."""

KEY_LIST = Listing(API_KEYS, fields=FIELDS, sources=(_ALL,))

_ALIVE = And(Exists("id"), Absent("revoked_at"))


class ApiKeyStore:
    """Named keys on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, key: ApiKey, result: object) -> None:
        """Write a new key, as the effect with this result (`Tables.apply`)."""
        self._tables.apply(put_key(key), CREATED, result=result)

    def find(self, key_id: str) -> ApiKey | None:
        """The key as it is now, in one consistent read."""
        row = self._tables.get(API_KEYS, _key(key_id))
        return None if row is None else key_from_item(row)

    def owned(self, owner: str) -> list[ApiKey]:
        """The key pairs of an owner, the newest first, as far as the index shows them; revoked ones included."""
        query = Query(API_KEYS, owner, API_KEYS.index("by_owner"), descending=True)
        refs = [Ref(API_KEYS, {"id": str(row["id"])}) for page in self._tables.pages(query) for row in page.items]
        return [key_from_item(row) for row in self._tables.get_many(refs) if row is not None]

    def ids_owned(self, owner: str, after: str | None, limit: int) -> list[str]:
        """The ids of the next keys of an owner behind the id ``after``, the oldest first, as far as the index shows
        them."""
        behind = None if after is None else Between(f"{after}!", "~")
        query = Query(API_KEYS, owner, API_KEYS.index("by_owner"), sort=behind, limit=limit)
        return [str(row["id"]) for row in self._tables.query(query).items]

    def tries(self) -> Iterator[None]:
        """See `Tables.tries`."""
        return self._tables.tries()

    def change(self, key_id: str, changes: Sequence[tuple[str, str | None]], now: datetime) -> ApiKey | None:
        """The key with other values, where None removes one; None if it is gone or revoked."""
        return self._update(key_id, [Set(name, value) for name, value in changes], "api_key.updated", now)

    def rotate(self, key: ApiKey, rotated: ApiKey, result: object) -> bool:
        """Write the secrets of the rotated key, as the effect with this result (`Tables.apply`). Returns False if the
        key is revoked, or its secret is no longer the one that was read."""
        previous: list[Value] = [{"hash": one.hash, "until": one.until} for one in rotated.previous]
        changes = (
            Set("secret_hash", rotated.secret_hash),
            Set("previous", previous) if previous else Remove("previous"),
            Set("updated_at", rotated.updated_at),
        )
        as_read = And(_ALIVE, Equals("secret_hash", key.secret_hash))
        try:
            self._tables.apply(Update(API_KEYS, _key(key.id), changes, as_read), "api_key.rotated", result=result)
        except ConditionFailedError:
            return False
        return True

    def revoke(self, key_id: str, now: datetime) -> ApiKey | None:
        """The key, refused from now on; None if it is revoked already."""
        return self._update(key_id, (Set("revoked_at", to_seconds_text(now)),), "api_key.revoked", now)

    def note_use(self, key_id: str, now: datetime) -> None:
        """Write down that the key is used, unless somebody has within the last minute. Raises
        `ConditionFailedError` then."""
        earlier = LessOrEqual("last_used_at", to_seconds_text(now - USE_NOTED_EVERY))
        is_due = And(_ALIVE, Or(Absent("last_used_at"), earlier))
        changes = (Set("last_used_at", to_seconds_text(now)),)
        self._tables.write(Update(API_KEYS, _key(key_id), changes, is_due), "api_key.used")

    def _update(self, key_id: str, changes: Sequence[Set], operation: str, now: datetime) -> ApiKey | None:
        stamped = (*changes, Set("updated_at", to_seconds_text(now)))
        try:
            row = self._tables.write(Update(API_KEYS, _key(key_id), stamped, _ALIVE), operation)
        except ConditionFailedError:
            return None
        return key_from_item(row or {})


def is_listed(row: Item) -> bool:
    """Whether the list of named keys has a row: short keys are their users', who may be many."""
    return "listing" in row


def put_key(key: ApiKey) -> Put:
    """A new key."""
    item: Item = {**key.model_dump(mode="json", exclude={"version", "hash_key_sealed"})}
    listing = None if key.is_short else LISTING
    return put_new(API_KEYS, {**item, "listing": listing, "hash_key_sealed": key.hash_key_sealed})


def retire_key(key_id: str, now: datetime) -> Update:
    """The key is refused from now on, and its owner's no longer; fails if it was revoked."""
    at = to_seconds_text(now)
    changes = (Set("revoked_at", at), Set("updated_at", at), Remove("owner"))
    return Update(API_KEYS, _key(key_id), changes, _ALIVE)


FORGOTTEN = "deleted"
"""The name of a key of a deleted user."""


def forget_key(key_id: str, now: datetime) -> Update:
    """The key is refused, and says nothing of the person whose it was; fails if it is gone."""
    at = to_seconds_text(now)
    changes = (Set("name", FORGOTTEN), SetIfAbsent("revoked_at", at), Set("updated_at", at), Remove("last_used_at"))
    return Update(API_KEYS, _key(key_id), changes, Exists("id"))


def verify_key(key_id: str, now: datetime) -> Update:
    """The key is verified; fails if it is gone or revoked."""
    changes = (Set("verified", True), Set("updated_at", to_seconds_text(now)))  # noqa: FBT003 - the value of an attribute
    return Update(API_KEYS, _key(key_id), changes, _ALIVE)


def key_from_item(row: Item) -> ApiKey:
    return ApiKey.model_validate(row)


def _key(key_id: str) -> Key:
    return {"id": key_id}
