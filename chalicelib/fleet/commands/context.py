"""Declares the context `commands`: its tables, queues, functions and their permissions."""

from datetime import timedelta

from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
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
)

CONTEXT = Context(
    name="commands",
    tables=(
        COMMANDS,
        FAN_OUTS,
        EXECUTIONS,
    ),
    queues=(EXECUTION_CREATION,),
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
    grants={
        "api_handler": Grants(
            tables={
                "commands": BATCH_GET | QUERY | PUT | UPDATE,
                "fan_outs": BATCH_GET | PUT | UPDATE | CHECK,
                "executions": GET | BATCH_GET | QUERY | UPDATE | DELETE,
            },
            counts=(EXECUTION_CREATION,),
        ),
        "websocket_message": Grants(tables={"executions": QUERY}),
        "relay_changes": Grants(tables={"commands": BATCH_GET}, sends=(EXECUTION_CREATION,)),
        "create_executions": Grants(
            tables={"commands": BATCH_GET, "fan_outs": GET | BATCH_GET | UPDATE | CHECK, "executions": QUERY | PUT},
            sends=(EXECUTION_CREATION,),
        ),
        "deliver_commands": Grants(tables={"commands": BATCH_GET, "executions": BATCH_GET | UPDATE}),
        "clean_up": Grants(
            tables={
                "commands": BATCH_GET,
                "fan_outs": GET | BATCH_GET | UPDATE | DELETE,
                "executions": BATCH_GET | QUERY | UPDATE | DELETE,
            }
        ),
        "sweep_commands": Grants(tables={"fan_outs": BATCH_GET | QUERY | UPDATE}, sends=(EXECUTION_CREATION,)),
        "recount": Grants(tables={"commands": QUERY, "executions": QUERY}),
    },
)
