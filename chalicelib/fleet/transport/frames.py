"""The frames that wake an agent: ids of executions, and with them the work itself for agents that take it. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.fleet.commands.model import Command
from chalicelib.fleet.transport.dispatch import IDS_PER_FRAME
from chalicelib.kit.sockets import FRAME_BYTES

WorkKind = Literal["executions", "cancel", "self_update"]

_ROOM = len('"work":[],')


@dataclass(frozen=True)
class Delivery:
    """A delivery to one node: executions that wait for it or that it should cancel, or a request to check for
    updates."""

    node_id: str
    kind: WorkKind
    execution_ids: list[str]


def frames_of(delivery: Delivery, commands: Mapping[str, Command]) -> Iterator[Mapping[str, Any]]:
    """The frames for a delivery, within the size limit. ``commands``, by the ids of their executions, are told with
    them as far as they fit: an agent fetches the others."""
    if delivery.kind == "self_update":
        yield {"type": delivery.kind}
    ids = delivery.execution_ids
    for start in range(0, len(ids), IDS_PER_FRAME):
        frame: dict[str, Any] = {"type": delivery.kind, "ids": ids[start : start + IDS_PER_FRAME]}
        left = FRAME_BYTES - _size(frame) - _ROOM
        told = []
        for row_id in frame["ids"]:
            work = work_of(row_id, commands[row_id]) if row_id in commands else None
            size = 0 if work is None else _size(work) + 1
            if work is not None and size <= left:
                told.append(work)
                left -= size
        yield {**frame, "work": told} if told else frame


def work_of(execution_id: str, command: Command) -> dict[str, Any]:
    """An execution as its agent needs it to run it. It names the variables of secrets, never a value."""
    return {
        "id": execution_id,
        "command_id": command.id,
        "command_text": command.command_text,
        "timeout": command.timeout,
        "expired_at": command.expired_at,
        "secret_variables": sorted(command.secrets),
    }


def _size(part: Mapping[str, Any]) -> int:
    """Bytes in a frame, as `Sockets.post` writes it."""
    return len(json.dumps(part, separators=(",", ":")))
