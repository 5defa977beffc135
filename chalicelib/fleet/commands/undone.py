"""The remaining work of a command: its fan-out, its due time, and the messages that continue it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from chalicelib.fleet.commands.rollout import Rollout
from chalicelib.kit.clock import parse_time, sooner, to_seconds_text
from chalicelib.kit.redrive import SETTLE_SOON

LOOK = "look"
"""Names, beside parts, the search for nodes that an index hid when executions were created."""

PARTS_ARE_LEFT = "parts"

EXPIRE, CANCEL, DELETE = "expire_command", "cancel_command", "command"
PASSES = frozenset({EXPIRE, CANCEL, DELETE})
"""Passes over the executions of a command, by the kind of their messages."""


class FanOut(BaseModel, frozen=True):
    """The remaining work of a command. While ``parts`` are left, executions are being created. Finished parts are in
    ``looks`` until they have been searched for nodes that an index had hidden; ``looks_since`` is the end of the last
    part, from which that search counts its time. A rollout names itself in ``looks``, and keeps its parts elsewhere.
    ``spared`` are the ids of nodes whose executions were deleted meanwhile: the search makes them no other.
    ``cursors`` tell where a worker left off in a part, a search or a pass. ``due_at`` is when the sweep looks again:
    to queue the remaining work once more, to expire open executions at the ``deadline``, to repeat the clean-up of a
    deleted command; None: never. ``made_at`` is when the last part was finished: from then on every execution exists
    but those of hidden nodes.
    ``made_with`` is how many were written in one transaction with the command; None: all were made later.
    ``cancel_requested_at`` stands while what is open is being cancelled. ``target_cluster_name`` is set when exactly
    one cluster was named and matched.
    ``rollout`` is that of a command that goes out in waves; it makes no executions from ``paused_at`` on until it is
    resumed, and none any more once it was ``stopped_at``.
    """

    command_id: str
    parts: frozenset[str]
    looks: frozenset[str] = frozenset()
    looks_since: str | None = None
    spared: frozenset[str] = frozenset()
    cursors: Mapping[str, str] = Field(default_factory=dict)
    deadline: str | None = None
    due_at: str | None = None
    sweeps: int = 0
    target_cluster_name: str | None = None
    inserted_at: str
    made_at: str | None = None
    made_with: int | None = None
    cancel_requested_at: str | None = None
    deleted_at: str | None = None
    rollout: Rollout | None = None
    paused_at: str | None = None
    stopped_at: str | None = None
    version: int = 0

    def shares_of(self, kind: str) -> list[str]:
        """The names of the shares of a pass that are left, where it has been divided."""
        return sorted(name for name in self.cursors if name.startswith(f"{kind}#"))

    def as_made(self, looks: Collection[str], now: datetime) -> "FanOut":
        """The row once its last part is finished. The search for hidden nodes in these parts becomes due, otherwise the
        deadline, if any."""
        soon = to_seconds_text(now + SETTLE_SOON) if looks else None
        changes: dict[str, Any] = {
            "parts": frozenset[str](),
            "looks": frozenset(looks),
            "looks_since": to_seconds_text(now) if looks else None,
            "cursors": {},
            "made_at": to_seconds_text(now),
            "sweeps": 0,
            "due_at": sooner(soon, self.deadline),
        }
        return self.model_copy(update=changes)

    def is_shown_late(self, seen: int, now: datetime) -> bool:
        """Whether an index that shows ``seen`` executions of the command hides some that were written with it. Later
        than any lag, the others have been deleted."""
        lags = now < parse_time(self.inserted_at) + SETTLE_SOON
        return self.made_with is not None and seen < self.made_with and lags


def pass_of(name: str) -> str:
    """The pass that a cursor is of: its own name, or that of a share of it, ``cancel_command#2``."""
    return name.partition("#")[0]


def due_of(fan_out: FanOut, now: str) -> str | None:
    """The next work for a command at this time (seconds text): `PARTS_ARE_LEFT`, `LOOK`, one of `PASSES`, or None."""
    if fan_out.parts:
        return PARTS_ARE_LEFT
    if fan_out.deleted_at is not None:
        return DELETE
    if fan_out.cancel_requested_at is not None:
        return CANCEL
    if fan_out.deadline is not None and fan_out.deadline <= now:
        return EXPIRE
    return LOOK if fan_out.looks_since is not None else None


def part_message(command_id: str, part: str, cursors: Mapping[str, str]) -> dict[str, Any]:
    """Goes on with a part of a fan-out, or with looking again, from where that was noted."""
    return {"command_id": command_id, "part": part, **_cursor_field(part, cursors)}


def pass_message(command_id: str, name: str, cursors: Mapping[str, str]) -> dict[str, Any]:
    """Goes on with a pass over the executions of a command, or with a share of one."""
    share = {} if name == pass_of(name) else {"share": name}
    return {"kind": pass_of(name), "id": command_id, **share, **_cursor_field(name, cursors)}


def _cursor_field(name: str, cursors: Mapping[str, str]) -> dict[str, Any]:
    return {"cursor": cursors[name]} if name in cursors else {}


@dataclass(frozen=True)
class FanOutChunk:
    """The work that remains after a page of a fan-out: the rest of its part from ``cursor`` on, and the parts that the
    whole fleet is ``split`` into. ``ended`` are the finished parts, taken from the ``fan_out`` as it was read. A
    dropped message leaves none.
    """

    cursor: str | None = None
    split: tuple[str, ...] = ()
    ended: frozenset[str] = frozenset()
    fan_out: FanOut | None = None
