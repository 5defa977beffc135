"""The effects of changes of commands and their executions: messages for workers, and events. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.fleet.commands import rollout_events
from chalicelib.fleet.commands.model import FINAL, STEPS, Status, outcome_of
from chalicelib.fleet.commands.output import object_key
from chalicelib.fleet.commands.queues import EXECUTION_CREATION, TIMELY_WORK, queue_of_pass
from chalicelib.fleet.commands.rollout import ROLLOUT
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS, output_bytes
from chalicelib.fleet.commands.undone import CANCEL, DELETE, PASSES, pass_message, pass_of
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.facts import EXECUTION_ENDED
from chalicelib.fleet.targeting.model import at_first
from chalicelib.kit.changes import Change, texts
from chalicelib.kit.clock import parse_time
from chalicelib.kit.counters import total_of
from chalicelib.kit.parking import moved
from chalicelib.kit.queues import Message
from chalicelib.kit.tables import Item, Ref
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import Event, Events, Rows, Send
from chalicelib.platform.counted import operations

EXECUTION_EVENTS: Mapping[str, EventType] = {
    "execution.created": EventType.EXECUTION_CREATED,
    "execution.sent": EventType.EXECUTION_SENT,
    "execution.completed": EventType.EXECUTION_COMPLETED,
    # The contract's "completed" is "the agent reported a result": one that reports its deadline says so in `status`.
    "execution.reported_expired": EventType.EXECUTION_COMPLETED,
    "execution.reported_cancelled": EventType.EXECUTION_CANCELLED,
    "execution.cancelled": EventType.EXECUTION_CANCELLED,
    "execution.expired": EventType.EXECUTION_EXPIRED,
    "execution.dropped": EventType.EXECUTION_DROPPED,
    "execution.pruned": EventType.EXECUTION_PRUNED,
}

_FIELDS = (
    "command_id",
    "node_id",
    "status",
    "exit_code",
    "target_all",
    "sent_at",
    "completed_at",
    "cancelled_at",
    "inserted_at",
    "updated_at",
)


def on_change(change: Change) -> Iterator[Send]:
    """Create executions, go on with passes over them and with a rollout where one ended or it was resumed, and begin
    those that a deletion or a cancellation asks for."""
    row, is_removed = change.row, change.new is None
    match change.table:
        case "executions" if is_removed and row.get("output_ref"):
            key = object_key(str(row["id"]), str(row["output_ref"]))
            yield Send(CLEAN_UP, {"kind": "large_output", "id": row["id"], "key": key})
        case "fan_outs" if going_on := moved(change):
            yield from _go_on(str(row["command_id"]), going_on)
        case "fan_outs" if change.operation in {"rollout.resumed", "rollout.reopened"}:
            yield Send(EXECUTION_CREATION, {"command_id": row["command_id"], "part": ROLLOUT})
        case "fan_outs" if change.old is None:
            for part in at_first(texts(row.get("parts"))):
                yield Send(EXECUTION_CREATION, {"command_id": row["command_id"], "part": part})
        case "fan_outs" if not is_removed and change.operation == "fan_out.cancel_requested":
            yield Send(TIMELY_WORK, {"kind": CANCEL, "id": row["command_id"]})
        case "commands" if not is_removed and change.operation == "command.deleted":
            yield Send(CLEAN_UP, {"kind": DELETE, "id": row["id"]})
        case "executions" if isinstance(slot := row.get("rollout_slot"), int) and _has_ended(change):
            yield Send(EXECUTION_CREATION, {"command_id": row["command_id"], "part": ROLLOUT, "ended": slot})


def courier(fleet: Any, messages: Sequence[Message], request_id: str) -> None:
    """Queue the messages that create executions: ends of one rollout together, so that one step notes them all."""
    fleet.platform.queues.send(EXECUTION_CREATION, merged(messages), request_id=request_id)


def merged(messages: Iterable[Message]) -> list[Message]:
    """The same messages, with the ends of each rollout in one."""
    ends: dict[str, list[int]] = {}
    others = []
    for message in messages:
        if "ended" in message:
            ends.setdefault(str(message["command_id"]), []).append(int(message["ended"]))
        else:
            others.append(message)
    return [
        *others,
        *({"command_id": command_id, "part": ROLLOUT, "ended": slots} for command_id, slots in ends.items()),
    ]


def _go_on(command_id: str, going_on: Mapping[str, str]) -> Iterator[Send]:
    """Resume parts and passes that a worker could not end within one invocation."""
    for name, cursor in going_on.items():
        if pass_of(name) in PASSES:
            yield Send(queue_of_pass(name), pass_message(command_id, name, going_on))
        else:
            yield Send(EXECUTION_CREATION, {"command_id": command_id, "part": name, "cursor": cursor})


def _events_of(change: Change, rows: Rows) -> Iterator[Event]:
    """The event of an execution's step, and the fact that it ended; what a rollout tells. A command that is missing
    leaves its fields null."""
    if change.table == FAN_OUTS.name:
        yield from rollout_events.events_of(change)
    if change.table != EXECUTIONS.name or change.new is None:
        return
    event_type = EXECUTION_EVENTS.get(change.operation)
    if event_type is not None:
        yield Event(event_type, _payload(change.new, rows(_command_of(change.new)) or {}))
    if _has_ended(change):
        yield Event(EXECUTION_ENDED, _end_of(change.new))


def _has_ended(change: Change) -> bool:
    """Whether it ended with this change. A result that comes after the end is not another one."""
    old, new = change.old, change.new
    return old is not None and new is not None and new["status"] in FINAL and old["status"] not in FINAL


def _end_of(row: Item) -> dict[str, Any]:
    """How an execution ended. ``was_run``: its agent had it. ``run_seconds`` is the time from then until the agent says
    that it was done, or until its report if its clock says something impossible."""
    outcome = outcome_of(str(row["status"]), row.get("exit_code"))
    sent_at, reported_at, done_at = (row.get(name) for name in ("sent_at", "updated_at", "completed_at"))
    seconds = 0
    if isinstance(sent_at, str) and isinstance(reported_at, str):
        is_told = isinstance(done_at, str) and sent_at <= done_at <= reported_at
        end = parse_time(str(done_at if is_told else reported_at))
        seconds = max(0, int((end - parse_time(sent_at)).total_seconds()))
    return {
        "execution_id": row["id"],
        "command_id": row["command_id"],
        "node_id": row["node_id"],
        "outcome": outcome.value,
        "exit_code": row.get("exit_code"),
        "was_run": sent_at is not None or row.get("completed_at") is not None,
        "run_seconds": seconds,
        "output_bytes": output_bytes(row),
    }


def _commands_needed(change: Change) -> Iterable[Ref]:
    """The command of an execution. A row that names none asks for none: whether it makes sense is decided change by
    change."""
    row = change.new
    if change.table != EXECUTIONS.name or row is None or change.operation not in EXECUTION_EVENTS:
        return ()
    command_id = row.get("command_id")
    return (_command_of(row),) if isinstance(command_id, str) and command_id else ()


def _command_of(row: Item) -> Ref:
    return Ref(COMMANDS, {"id": str(row["command_id"])})


def _payload(row: Item, command: Item) -> dict[str, Any]:
    payload = {
        "command_execution_id": row["id"],
        "cluster_name": row.get("node_cluster_name"),
        "command_text": command.get("command_text"),
        "timeout": command.get("timeout"),
        "expired_at": command.get("expired_at"),
        "expires_at": command.get("expired_at"),
        **{name: row.get(name) for name in _FIELDS},
    }
    return payload | ({"cancelled_at": None} if row["status"] == Status.DROPPED else {})


EVENTS = Events(_events_of, _commands_needed)

event_counters = operations(EXECUTIONS, STEPS)


def ended(change: Change) -> tuple[str, str] | None:
    """The total of a command's executions and the time at which one of them ended with this change."""
    row = change.new
    if change.table != EXECUTIONS.name or row is None or row["status"] not in FINAL:
        return None
    if change.old is not None and change.old["status"] == row["status"]:
        return None
    return total_of(change.table, "command_id", str(row["command_id"])), str(row["updated_at"])
