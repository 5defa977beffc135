"""Declares the context `events`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import PUT, Context, Function, Grants, QueueSource
from chalicelib.platform.events.changes import EVENTS as EVENTS_OF_OCCURRENCES
from chalicelib.platform.events.changes import event_counters
from chalicelib.platform.events.queues import EVENTS
from chalicelib.platform.events.store import TABLE as OCCURRENCES

CONTEXT = Context(
    name="events",
    tables=(OCCURRENCES,),
    queues=(EVENTS,),
    functions=(
        Function(
            "publish_events",
            "chalicelib.platform.workers.publish_events.handler",
            QueueSource(EVENTS, 20),
            30,
            loads="events signing webhooks",
        ),
    ),
    events=EVENTS_OF_OCCURRENCES,
    event_counters=event_counters,
    grants={
        "api_handler": Grants(tables={"occurrences": PUT}, counts=(EVENTS,)),
        "relay_changes": Grants(sends=(EVENTS,)),
        "deliver_commands": Grants(tables={"occurrences": PUT}),
        "publish_events": Grants(publishes=True),
    },
)
