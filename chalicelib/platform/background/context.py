"""Declares the context `background`: its tables, queues, functions and their permissions."""

from collections.abc import Iterator

from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Traced
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.kit.tasks import is_asked, message_of, queue_of
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import (
    BATCH_GET,
    DELETE,
    GET,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    QueueSource,
    Send,
)


def _on_change(change: Change) -> Iterator[Send]:
    """Begin a task that was asked for, or go on with one."""
    if change.table == TASKS.name and is_asked(change.old, change.new):
        message = Traced(message_of(change.row), change.request_id)
        yield Send(queue_of(change.row, CLEAN_UP), message)


CONTEXT = Context(
    name="background",
    tables=(TASKS,),
    queues=(CLEAN_UP,),
    functions=(
        # One message at a time: a long pass uses up the time of its whole invocation.
        Function(
            "clean_up",
            "chalicelib.platform.workers.clean_up.handler",
            QueueSource(CLEAN_UP, 10, batch_size=1),
            60,
            loads="families background",
        ),
    ),
    on_change=_on_change,
    grants={
        "api_handler": Grants(tables={"tasks": UPDATE}, counts=(CLEAN_UP,)),
        "relay_changes": Grants(sends=(CLEAN_UP,)),
        "deliver_commands": Grants(sends=(CLEAN_UP,)),
        "clean_up": Grants(tables={"tasks": GET | UPDATE | DELETE}),
        "settle_vpn": Grants(tables={"tasks": GET | UPDATE | DELETE}),
        "sweep_commands": Grants(tables={"tasks": BATCH_GET | QUERY | UPDATE}, sends=(CLEAN_UP,)),
        "prune_executions": Grants(sends=(CLEAN_UP,)),
    },
)
