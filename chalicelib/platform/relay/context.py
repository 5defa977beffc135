"""Declares the context `relay`: its tables, queues, functions and their permissions."""

from datetime import timedelta

from chalicelib.kit.counters import TABLE as COUNTERS
from chalicelib.platform.context import (
    BATCH_GET,
    DELETE,
    PUT,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    ScheduleSource,
    StreamSource,
)
from chalicelib.platform.relay.queues import RELAY_FAILURES

CONTEXT = Context(
    name="relay",
    tables=(COUNTERS,),
    queues=(RELAY_FAILURES,),
    functions=(
        Function(
            "relay_changes",
            "chalicelib.platform.workers.relay_changes.handler",
            StreamSource(),
            60,
            memory_mb=1024,
            loads="families billing events relay",
        ),
        Function("recount", "chalicelib.platform.workers.recount.handler", ScheduleSource(timedelta(days=1)), 900),
    ),
    grants={
        "api_handler": Grants(tables={"counters": BATCH_GET | QUERY}, counts=(RELAY_FAILURES,)),
        "relay_changes": Grants(tables={"counters": PUT | UPDATE}, sends=(RELAY_FAILURES,)),
        "clean_up": Grants(tables={"counters": QUERY | DELETE}),
        "deliver_webhook": Grants(tables={"counters": UPDATE}),
        "sweep_commands": Grants(tables={"counters": UPDATE}),
        "sweep_webhooks": Grants(tables={"counters": UPDATE}),
        "check_health": Grants(tables={"counters": UPDATE}),
        "heartbeat": Grants(tables={"counters": UPDATE}),
        "reconcile_vpn": Grants(tables={"counters": UPDATE}),
        "prune_executions": Grants(tables={"counters": UPDATE}),
        "recount": Grants(tables={"counters": QUERY | UPDATE}),
    },
)
