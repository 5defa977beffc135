"""Declares the context `commands`: its tables, queues, functions and their permissions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalicelib.fleet.commands.changes import EVENTS, courier, ended, event_counters, on_change
from chalicelib.fleet.commands.queues import EXECUTION_CREATION, TIMELY_WORK
from chalicelib.fleet.commands.store import (
    COMMAND_TOTALS,
    COMMANDS,
    EXECUTION_TOTALS,
    EXECUTIONS,
    FAN_OUTS,
    ROLLOUT_TARGETS,
)
from chalicelib.fleet.nodes.moving import MOVED
from chalicelib.kit.counters import total_of
from chalicelib.kit.queues import Message
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.context import (
    BATCH_GET,
    CHECK,
    DELETE,
    GET,
    PUT,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    QueueSource,
    ScheduleSource,
    Task,
    by_cursor,
)
from chalicelib.platform.counted import Counted


def _a_pass(chunk_of: Callable[[Any], Callable[[str, str | None], str | None]]) -> Task:
    """A pass over the executions of a command: its cursor is noted in the row of the command's fan-out."""
    return Task(by_cursor(chunk_of).step, _park_pass)


def _park_pass(fleet: Any, message: Message, cursor: str) -> bool:
    name = str(message.get("share", message["kind"]))
    is_noted: bool = fleet.commands.clean_up.park(message["id"], name, message.get("cursor"), cursor)
    return is_noted


def _serve_moved(fleet: Any, message: Message) -> None:
    """See to it that a node gets what was given for the cluster that it has left."""
    fleet.commands.moved.serve(message)


def _forget_total(fleet: Any, message: Message) -> None:
    """Drop the counter of a deleted command's executions."""
    fleet.platform.counters.forget(total_of(EXECUTIONS.name, "command_id", message["id"]))


OUTPUT_BUCKET = Bucket("output", kept_days=30)
"""Outputs beyond what rows hold. They go with their executions, or when this time is over."""

CONTEXT = Context(
    name="commands",
    buckets=(OUTPUT_BUCKET,),
    tables=(
        COMMANDS,
        FAN_OUTS,
        EXECUTIONS,
        ROLLOUT_TARGETS,
    ),
    queues=(EXECUTION_CREATION, TIMELY_WORK),
    functions=(
        Function(
            "create_executions",
            "chalicelib.fleet.workers.create_executions.handler",
            QueueSource(EXECUTION_CREATION, 20, batch_size=1),
            60,
            memory_mb=1024,
            loads="aliases clusters commands enrollment events nodes targeting transport vpn",
        ),
        Function(
            "do_timely_work",
            "chalicelib.fleet.workers.do_timely_work.handler",
            QueueSource(TIMELY_WORK, 10, batch_size=1),
            60,
            loads="families background",
        ),
        Function(
            "sweep_commands",
            "chalicelib.fleet.workers.sweep_commands.handler",
            ScheduleSource(),
            120,
            loads="admins aliases clusters commands enrollment events nodes targeting updates vpn",
        ),
        Function(
            "prune_executions",
            "chalicelib.fleet.workers.prune_executions.handler",
            ScheduleSource(timedelta(days=1)),
            60,
            loads="commands targeting",
        ),
    ),
    tasks={
        "node": by_cursor(lambda fleet: fleet.commands.clean_up.drop_open_of_node_chunk),
        MOVED: Task(_serve_moved),
        "command": _a_pass(lambda fleet: fleet.commands.clean_up.delete_executions_chunk),
        "command_total": Task(_forget_total),
        "expire_command": _a_pass(lambda fleet: fleet.commands.clean_up.expire_chunk),
        "cancel_command": _a_pass(lambda fleet: fleet.commands.clean_up.cancel_chunk),
        "cancel_part": Task(lambda fleet, message: fleet.commands.cancelling.chunk(message)),
        "large_output": Task(lambda fleet, message: fleet.commands.large_outputs.forget(message["key"])),
        "prune_executions": by_cursor(lambda fleet: fleet.commands.pruning.prune_chunk),
    },
    counted=(
        Counted(COMMANDS, COMMAND_TOTALS),
        Counted(
            EXECUTIONS,
            EXECUTION_TOTALS,
            {"status": "status", "command_id": "command_id", "cluster_name": "node_cluster_name"},
        ),
    ),
    on_change=on_change,
    couriers={EXECUTION_CREATION: courier},
    events=EVENTS,
    event_counters=event_counters,
    ended=ended,
    grants={
        "api_handler": Grants(
            tables={
                "commands": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "fan_outs": BATCH_GET | PUT | UPDATE | CHECK,
                "executions": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                "rollout_targets": BATCH_GET,
            },
            counts=(EXECUTION_CREATION, TIMELY_WORK),
            buckets=(OUTPUT_BUCKET,),
        ),
        "websocket_message": Grants(tables={"executions": QUERY}),
        "relay_changes": Grants(tables={"commands": BATCH_GET}, sends=(EXECUTION_CREATION, TIMELY_WORK)),
        "create_executions": Grants(
            tables={
                "commands": BATCH_GET,
                "fan_outs": GET | BATCH_GET | UPDATE | CHECK,
                "executions": BATCH_GET | QUERY | PUT,
                "rollout_targets": GET | BATCH_GET | PUT | UPDATE,
            },
            sends=(EXECUTION_CREATION,),
        ),
        "deliver_commands": Grants(tables={"commands": BATCH_GET, "executions": BATCH_GET | UPDATE}),
        "clean_up": Grants(
            tables={
                "commands": BATCH_GET,
                "fan_outs": GET | BATCH_GET | QUERY | UPDATE | DELETE | CHECK,
                "executions": BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                "rollout_targets": DELETE,
            },
            empties=(OUTPUT_BUCKET,),
        ),
        "do_timely_work": Grants(
            tables={
                "commands": BATCH_GET,
                "fan_outs": BATCH_GET | UPDATE,
                "executions": BATCH_GET | QUERY | UPDATE,
                "tasks": GET | UPDATE | DELETE,
            }
        ),
        "sweep_commands": Grants(
            tables={"fan_outs": BATCH_GET | QUERY | UPDATE}, sends=(EXECUTION_CREATION, TIMELY_WORK)
        ),
        "recount": Grants(tables={"commands": QUERY, "executions": QUERY}),
    },
)
