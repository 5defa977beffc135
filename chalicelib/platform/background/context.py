"""Declares the context `background`: its tables, queues, functions and their permissions."""

from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.context import BATCH_GET, DELETE, GET, QUERY, UPDATE, Context, Function, Grants, QueueSource

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
