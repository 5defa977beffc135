"""Declares the context `audit`: its tables, tasks and permissions."""

from typing import Any

from chalicelib.kit.queues import Message
from chalicelib.platform.audit.changes import EVENT
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from chalicelib.platform.context import BATCH_GET, PUT, QUERY, Context, Grants, Task


def _record(platform: Any, message: Message) -> None:
    """Store an event that was derived from the change stream."""
    platform.audit.record(message["row"])


CONTEXT = Context(
    name="audit",
    tables=(AUDIT_EVENTS,),
    tasks={EVENT: Task(_record)},
    grants={
        "api_handler": Grants(tables={"audit_events": BATCH_GET | QUERY | PUT}),
        "clean_up": Grants(tables={"audit_events": PUT}),
    },
)
