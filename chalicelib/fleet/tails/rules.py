"""Decides whether an execution may be watched; the frames of agents and operators. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.fleet.commands.model import Execution
from chalicelib.fleet.description import Feature
from chalicelib.fleet.nodes.model import Node, Presence
from chalicelib.fleet.permissions import COMMANDS_TAIL
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.tails.model import Frame, Refusal, Tail
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.sockets import FRAME_BYTES
from chalicelib.platform.access.principal import Principal, Resource, Scope, decide

TICKET_PREFIX = "tail_"
"""Tells a ticket from the token of a node, which never begins so."""

TICKET_LASTS = timedelta(seconds=60)

LASTS = timedelta(hours=1)
"""The longest that one socket is told of an execution."""

WATCH_SECONDS = 120
"""How long an agent sends without being asked again."""

RENEW_SECONDS = 60
"""How often an operator should say that it still watches."""


def times_of(now: datetime) -> tuple[str, str]:
    """Until when a ticket may be used, and when its tail ends."""
    return to_seconds_text(now + TICKET_LASTS), to_seconds_text(now + LASTS)


def check(execution: Execution, node: Node | None, presence: Presence | None) -> None:
    """Raises `EdgeError` (conflict) for an execution that cannot be watched."""
    if execution.is_final:
        raise _refused(Refusal.ENDED, "The execution has ended: its output is stored")
    if node is None or Feature.TAIL not in node.features:
        raise _refused(Refusal.NOT_OFFERED, "The agent of this node does not offer live output: it is too old")
    if presence is None or presence.connection_id is None:
        raise _refused(Refusal.NOT_CONNECTED, "The agent of this node holds no socket now")


def may_watch(principal: Principal, execution: Execution) -> bool:
    """Whether a principal may still read the output of this execution."""
    resource = Resource(f"command_executions/{execution.id}", Scope.REACH)
    is_allowed = decide(principal, COMMANDS_TAIL, resource, {}).is_allowed
    return is_allowed and principal.outputs and reach_of(principal).includes(execution.cluster_id)


def frame_of(message: Mapping[str, Any]) -> Frame | None:
    """The frame of an agent; None if it is not of its form, or is too large."""
    match message:
        case {
            "tail": str(tail_id),
            "sequence": int(sequence),
            "skipped": int(skipped),
            "text": str(text),
            "is_end": bool(is_end),
        } if sequence > 0 and skipped >= 0:
            frame = Frame(tail_id, sequence, skipped, text, is_end)
            return frame if len(json.dumps(shown(frame))) <= FRAME_BYTES else None
    return None


def ask(tail: Tail, seconds: int) -> dict[str, Any]:
    """The frame that has an agent send for so many seconds; 0 ends it."""
    return {"type": "tail", "tail": tail.id, "execution_id": tail.execution_id, "seconds": seconds}


def stop(tail_id: str) -> dict[str, Any]:
    """As `ask` for a tail that is not known any more."""
    return {"type": "tail", "tail": tail_id, "execution_id": "", "seconds": 0}


def shown(frame: Frame) -> dict[str, Any]:
    """The frame for the operator, of one of the agent."""
    return {
        "type": "output",
        "sequence": frame.sequence,
        "skipped": frame.skipped,
        "text": frame.text,
        "is_end": frame.is_end,
    }


def end(reason: str) -> dict[str, Any]:
    """The last frame that an operator is sent, where the agent did not say it."""
    return {"type": "end", "reason": reason}


def _refused(code: Refusal, message: str) -> EdgeError:
    return EdgeError(Kind.CONFLICT, message, code=code.value)
