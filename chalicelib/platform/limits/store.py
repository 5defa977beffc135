"""The rows from which containers lease blocks of a key's limit: one conditional write a block."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import unavailable
from chalicelib.kit.ids import to_milliseconds
from chalicelib.kit.tables import (
    Absent,
    Add,
    And,
    ConditionFailedError,
    Exists,
    Item,
    LessOrEqual,
    Not,
    Or,
    Ref,
    Set,
    Table,
    Tables,
    Update,
)
from chalicelib.platform.limits.rules import Limit, Look, look_at, most_owed_ms

LIMITS = Table("limits", partition="subject", expires_at="expires_epoch")
"""A row for each key that has lately asked for more than containers grant by themselves."""

_FULL_AT = "full_at_ms"
_KEPT = timedelta(hours=1)
"""The TTL of a row, at least: longer than a bucket takes to fill."""

_MOST_WRITES = 4
"""The first is for the state as it was last seen; the others for the state that a refused write tells."""


@dataclass(frozen=True)
class Lease:
    """The row after a write: when its bucket is full again, and whether the block was granted."""

    full_at_ms: int
    is_granted: bool


class LimitStore:
    """Takes blocks from the rows. The bucket of a row is one number: the time at which it is full again."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    def full_at(self, subjects: Sequence[str]) -> dict[str, int]:
        """When the bucket of each subject is full again, 0 without a row: one read of at most 100, which may lag."""
        rows = self._tables.get_many([Ref(LIMITS, {"subject": subject}) for subject in subjects], consistent=False)
        return {subject: _full_at(row) for subject, row in zip(subjects, rows, strict=True)}

    def lease(self, subject: str, limit: Limit, seen_ms: int) -> Lease:
        """Take a block. ``seen_ms`` is the state of the row as far as it is known, 0 for none: it saves a write.

        Raises `EdgeError` (service unavailable), and passes on what DynamoDB's client raises.
        """
        now = self._clock.now()
        now_ms = to_milliseconds(now)
        kept = max(_KEPT, 2 * timedelta(milliseconds=limit.window_ms))
        expires = Set("expires_epoch", int((now + kept).timestamp()))
        full_at_ms = seen_ms
        for _ in range(_MOST_WRITES):
            change, condition = _block(limit, full_at_ms, now_ms)
            try:
                row = self._tables.write(
                    Update(LIMITS, {"subject": subject}, (change, expires), condition), "limit.leased"
                )
            except ConditionFailedError as error:
                full_at_ms = _full_at(error.current)
                if look_at(limit, full_at_ms, now_ms) in {Look.EMPTY, Look.AHEAD}:
                    return Lease(full_at_ms, is_granted=False)
            else:
                return Lease(_full_at(row), is_granted=True)
        raise unavailable()


def _block(limit: Limit, full_at_ms: int, now_ms: int) -> tuple[Set | Add, And | Or]:
    """The change that takes a block, and what the row must be like: one for a bucket that is full, one for any other.
    Containers that add to the same bucket do not wait for each other."""
    if full_at_ms <= now_ms:
        return Set(_FULL_AT, now_ms + limit.cost_ms), Or(Absent(_FULL_AT), LessOrEqual(_FULL_AT, now_ms))
    owes = And(Exists(_FULL_AT), Not(LessOrEqual(_FULL_AT, now_ms)))
    return Add(_FULL_AT, limit.cost_ms), And(owes, LessOrEqual(_FULL_AT, now_ms + most_owed_ms(limit)))


def _full_at(row: Item | None) -> int:
    value = (row or {}).get(_FULL_AT)
    return value if isinstance(value, int) else 0
