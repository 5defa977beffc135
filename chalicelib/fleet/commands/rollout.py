"""The rules of rollouts: how many executions may be out at a time, and when a rollout stops. Pure: state and ends in,
new state out.

A target is named by its slot: `SLOTS` times the number of its chunk, and its position in the chunk.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, field_validator

ROLLOUT = "rollout"
"""The one part of the fan-out of a command with a rollout: it is left until the rollout ends."""

MOST_OUT = 1000
"""Executions of one rollout that may be out at a time. The row that keeps them is a write unit up to some 400 of them,
and two up to all."""

USUAL_OUT = 100
"""The number of them without another."""

SLOTS = 100
"""Places of a chunk; some at the end stay empty."""

_LOW_BITS, _MORE = 0x7F, 0x80


class RolloutState(StrEnum):
    """While it is ``paused``, and once it has ``stopped``, no further executions are made."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class Reason(StrEnum):
    """Why a rollout stopped. ``stopped``: by an operator, who left running what was out."""

    TOO_MANY_ERRORS = "too_many_errors"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


@dataclass(frozen=True)
class Standing:
    """The state of a rollout now, and why it ``stopped``. ``at_once`` and ``errors_allowed`` are its limits as numbers,
    None while the targets are being found, and where any number of errors is allowed."""

    state: RolloutState
    reason: str | None = None
    at_once: int | None = None
    errors_allowed: int | None = None


class RolloutLimits(BaseModel, frozen=True):
    """The limits of a rollout as its writer gave them, numbers or percentages of the targets (``10%``).
    ``max_errors`` None: it never stops because of errors."""

    max_concurrency: int | str = USUAL_OUT
    max_errors: int | str | None = None


class Rollout(BaseModel, frozen=True):
    """How far a rollout is. While ``to_find`` are left, parts of its targets are being looked for, the first of them
    from ``cursor`` on. ``chunks`` and ``total`` count the targets found. ``given`` is the slot of the next one;
    ``taken`` are before it. ``out`` are the slots whose executions have not ended, ``errors`` counts those that
    failed or expired, ``dropped`` the nodes that were gone when their turn came. Where an index ``may_hide`` some of
    its targets, the parts in which they were looked for are kept, to look again at the end."""

    limits: RolloutLimits
    state: RolloutState = RolloutState.RUNNING
    reason: str | None = None
    to_find: tuple[str, ...] = ()
    cursor: str | None = None
    chunks: int = 0
    total: int = 0
    given: int = 0
    taken: int = 0
    out: tuple[int, ...] = ()
    errors: int = 0
    dropped: int = 0
    may_hide: bool = False

    @field_validator("out", mode="before")
    @classmethod
    def _unpacked(cls, stored: object) -> object:
        return unpacked(stored) if isinstance(stored, bytes) else stored

    @property
    def is_found(self) -> bool:
        return not self.to_find

    @property
    def waiting(self) -> int:
        """Targets without an execution so far."""
        return self.total - self.taken

    @property
    def ended_count(self) -> int:
        """Executions that have ended."""
        return self.taken - self.dropped - len(self.out)

    @property
    def room(self) -> int:
        """How many further executions may be made now."""
        if self.state is not RolloutState.RUNNING or not self.is_found:
            return 0
        return max(0, min(self.waiting, self.most_out - len(self.out)))

    @property
    def most_out(self) -> int:
        return max(1, min(MOST_OUT, _number(self.limits.max_concurrency, self.total)))

    @property
    def errors_allowed(self) -> int | None:
        allowed = self.limits.max_errors
        return None if allowed is None else _number(allowed, self.total)

    @property
    def has_ended(self) -> bool:
        return self.state in {RolloutState.STOPPED, RolloutState.FINISHED}

    def found(self, count: int, chunks: int, cursor: str | None) -> "Rollout":
        """With so many more targets, in so many chunks; ``cursor`` None: the part that was looked at has no more."""
        to_find = self.to_find if cursor is not None else self.to_find[1:]
        changes = {"total": self.total + count, "chunks": self.chunks + chunks, "cursor": cursor, "to_find": to_find}
        return _judged(self.model_copy(update=changes))

    def reopened(self, count: int, chunks: int) -> "Rollout":
        """Once it has finished: with targets that an index had hidden."""
        changes = {"state": RolloutState.RUNNING, "total": self.total + count, "chunks": self.chunks + chunks}
        return self.model_copy(update=changes)

    def ended(self, ends: Mapping[int, bool]) -> "Rollout":
        """After the executions at these slots have ended; True for an error. A slot that is not out counts not
        again."""
        errors = sum(ends[slot] for slot in self.out if slot in ends)
        out = tuple(slot for slot in self.out if slot not in ends)
        return _judged(self.model_copy(update={"out": out, "errors": self.errors + errors}))

    def handed_out(self, out: Sequence[int], following: int, *, dropped: int = 0, repeated: int = 0) -> "Rollout":
        """After executions were made for these slots. Before the slot ``following``, ``dropped`` counts nodes
        that were gone, and ``repeated`` those that had been found twice. Raises ValueError if there is no room for so
        many."""
        if len(out) > self.room:
            raise ValueError(f"{len(out)} executions are more than the {self.room} that may be made")
        changes = {
            "out": (*self.out, *out),
            "taken": self.taken + len(out) + dropped,
            "total": self.total - repeated,
            "dropped": self.dropped + dropped,
            "given": following,
        }
        return _judged(self.model_copy(update=changes))


def begun(limits: RolloutLimits, parts: Collection[str]) -> Rollout:
    """A new rollout to the targets of these parts."""
    if not parts:
        return Rollout(limits=limits, state=RolloutState.FINISHED)
    return Rollout(limits=limits, to_find=tuple(sorted(parts)))


def to_item(rollout: Rollout) -> dict[str, Any]:
    """The attribute of its row; defaults are left out."""
    item: dict[str, Any] = rollout.model_dump(mode="json", exclude_defaults=True)
    if rollout.out:
        item["out"] = packed(rollout.out)
    return item


def packed(slots: Sequence[int]) -> bytes:
    """Slots in ascending order as the differences between them, 7 bits to a byte: nearly always one byte each, where a
    list of numbers takes five."""
    found, before = bytearray(), 0
    for slot in slots:
        left, before = slot - before, slot
        while left > _LOW_BITS:
            found.append(left & _LOW_BITS | _MORE)
            left >>= 7
        found.append(left)
    return bytes(found)


def unpacked(stored: bytes) -> tuple[int, ...]:
    """The slots that `packed` stored."""
    slots, slot, value, shift = [], 0, 0, 0
    for byte in stored:
        value |= (byte & _LOW_BITS) << shift
        if byte & _MORE:
            shift += 7
            continue
        slot += value
        slots.append(slot)
        value = shift = 0
    return tuple(slots)


def _judged(rollout: Rollout) -> Rollout:
    """Stopped where the errors are too many, finished where nothing is left to wait for."""
    if rollout.has_ended or not rollout.is_found:
        return rollout
    if not rollout.waiting:
        return rollout if rollout.out else rollout.model_copy(update={"state": RolloutState.FINISHED})
    allowed = rollout.errors_allowed
    if allowed is not None and rollout.errors > allowed:
        return rollout.model_copy(update={"state": RolloutState.STOPPED, "reason": Reason.TOO_MANY_ERRORS})
    return rollout


def _number(limit: int | str, total: int) -> int:
    """A limit as a number of targets, rounded down."""
    return total * int(limit[:-1]) // 100 if isinstance(limit, str) else limit
