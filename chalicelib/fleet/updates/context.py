"""Declares the context `updates`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.updates.changes import EVENTS, event_counters, on_change
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS, TOTALS
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
    by_cursor,
)
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="updates",
    tables=(
        REQUESTS,
        NODE_UPDATES,
    ),
    queues=(SELF_UPDATES,),
    functions=(
        Function(
            "trigger_updates",
            "chalicelib.fleet.workers.trigger_updates.handler",
            QueueSource(SELF_UPDATES, 10, batch_size=1),
            60,
            loads="aliases clusters commands enrollment events nodes targeting transport updates vpn",
        ),
    ),
    tasks={"self_update_request": by_cursor(lambda fleet: fleet.updates.requests.clean_up_chunk)},
    counted=(Counted(REQUESTS, TOTALS),),
    on_change=on_change,
    events=EVENTS,
    event_counters=event_counters,
    grants={
        "api_handler": Grants(
            tables={
                "self_update_requests": GET | BATCH_GET | QUERY | PUT | DELETE,
                "self_updates": BATCH_GET | QUERY | UPDATE,
            },
            counts=(SELF_UPDATES,),
        ),
        "relay_changes": Grants(sends=(SELF_UPDATES,)),
        "deliver_commands": Grants(tables={"self_updates": BATCH_GET | UPDATE}),
        "clean_up": Grants(tables={"self_updates": QUERY | DELETE}),
        "trigger_updates": Grants(
            tables={"self_update_requests": GET | UPDATE | CHECK, "self_updates": BATCH_GET | QUERY | PUT | UPDATE},
            sends=(SELF_UPDATES,),
        ),
        "sweep_commands": Grants(tables={"self_update_requests": BATCH_GET | QUERY | UPDATE}, sends=(SELF_UPDATES,)),
        "recount": Grants(tables={"self_update_requests": QUERY}),
    },
)
