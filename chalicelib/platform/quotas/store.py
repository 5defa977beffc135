"""Rows of quotas: one counter for each tenant and quota, which moves in the transactions of what it counts.

One row takes all creations of a tenant, each in a transaction: DynamoDB lets transactions on one row pass one after the
other, and refuses those that meet. `Tables` repeats them for some seconds; then the caller gets 503, and repeats.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import (
    Absent,
    Add,
    And,
    Condition,
    Equals,
    Index,
    Item,
    Key,
    LessOrEqual,
    Or,
    Query,
    Ref,
    Set,
    SetIfAbsent,
    Table,
    Tables,
    Update,
)
from chalicelib.kit.tables.tenants import Tenant, owner_of, whole

LISTING = "quotas"
"""The single partition of the index over the quotas of all tenants, which a recount walks once a day. A quota is put
into it when a tenant first takes one, and stays."""

USED = "used"

THINGS = "things"
"""The row of a tenant that counts what it has ever made that takes a quota. It is closed when the tenant is deleted, so
that nothing is made beside its deletion, or after it."""

_MADE, _CLOSED = "made", "closed_at"

TABLE = Table(
    "quotas",
    partition="quota",
    indexes=(Index("every", "listing", "quota", shared=True),),
    tenanted=True,
)


@dataclass(frozen=True)
class Counter:
    """The counter of a quota of a tenant, as it was read."""

    tenant: str
    quota: str
    used: int
    version: int


def taking(quota: str, limit: int | None, amount: int = 1) -> Update:
    """Take so much of a quota; fails if more than ``limit`` would be taken. None: without limit, but counted."""
    free: Condition | None = None
    if limit is not None:
        fits = LessOrEqual(USED, limit - amount)
        free = Or(Absent(USED), fits) if amount <= limit else fits
    return Update(TABLE, _key(quota), (Add(USED, amount), SetIfAbsent("listing", LISTING)), free)


def returning(quota: str, amount: int = 1) -> Update:
    """Return so much of a quota."""
    return Update(TABLE, _key(quota), (Add(USED, -amount), SetIfAbsent("listing", LISTING)))


def making() -> Update:
    """Count one thing more that the tenant has made; fails for a tenant that is closed."""
    return Update(TABLE, _key(THINGS), (Add(_MADE, 1),), Absent(_CLOSED))


def closing(tenant: str, made: int, now: datetime) -> Update:
    """Have the tenant make nothing any more; fails if it has made anything since ``made`` was read."""
    as_read = Equals(_MADE, made) if made else Absent(_MADE)
    key = {"quota": Tenant(tenant).name(THINGS)}
    return Update(whole(TABLE), key, (Set(_CLOSED, to_seconds_text(now)),), And(as_read, Absent(_CLOSED)))


class QuotaStore:
    """Counters on `Tables` that are not scoped."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def used(self, tenant: str, quotas: Sequence[str]) -> dict[str, int]:
        """How many of each quota a tenant has taken, never below 0. One call."""
        rows = self._tables.scoped(tenant).get_many([Ref(TABLE, _key(quota)) for quota in quotas])
        return {quota: max(0, _used(row)) for quota, row in zip(quotas, rows, strict=True)}

    def made(self, tenant: str) -> int:
        """How many things that take a quota a tenant has ever made, by a consistent read."""
        row = self._tables.scoped(tenant).get(TABLE, _key(THINGS))
        return _number(row, _MADE)

    def every(self) -> Iterator[Counter]:
        """The counters of all tenants, read anew."""
        for page in self._tables.pages(Query(whole(TABLE), LISTING, TABLE.index("every"))):
            refs = [Ref(whole(TABLE), {"quota": str(entry["quota"])}) for entry in page.items]
            for row in self._tables.get_many(refs):
                if row is not None:
                    tenant, quota = owner_of(str(row["quota"]))
                    yield Counter(tenant.id, quota, _used(row), int(str(row["version"])))

    def correct(self, counter: Counter, difference: int) -> bool:
        """Correct a counter, unless it has moved since it was read."""
        correction = Update(TABLE, _key(counter.quota), (Add(USED, difference),), Equals("version", counter.version))
        return self._tables.scoped(counter.tenant).try_write(correction, "quota.corrected")


def _used(row: Item | None) -> int:
    return _number(row, USED)


def _number(row: Item | None, name: str) -> int:
    number = (row or {}).get(name)
    return number if isinstance(number, int) else 0


def _key(quota: str) -> Key:
    return {"quota": quota}
