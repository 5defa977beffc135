"""Declares the context `schedules`: its tables, queues, functions and their permissions."""

from typing import Any

from chalicelib.fleet.schedules.store import RUNS, SCHEDULES
from chalicelib.kit.queues import Message
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, Task


def _run(fleet: Any, message: Message) -> None:
    fleet.schedules.running.run(message["id"])


# A command by its schedule: what it names is read, as for one of an operator.
_RUNS_SCHEDULES = Grants(
    tables={
        SCHEDULES.name: GET | UPDATE,
        RUNS.name: PUT,
        "api_keys": GET,
        "scripts": GET,
        "secrets": BATCH_GET,
        "commands": GET | PUT,
        "fan_outs": PUT,
        "clusters": BATCH_GET | QUERY,
        "nodes": BATCH_GET,
    }
)

CONTEXT = Context(
    name="schedules",
    tables=(SCHEDULES, RUNS),
    tasks={"run_schedule": Task(_run)},
    grants={
        "api_handler": Grants(
            tables={
                SCHEDULES.name: GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                RUNS.name: BATCH_GET | QUERY | PUT | DELETE,
            }
        ),
        "sweep_commands": Grants(tables={SCHEDULES.name: BATCH_GET | QUERY | UPDATE}),
        "do_timely_work": _RUNS_SCHEDULES,
        # Messages of an earlier release may still come.
        "clean_up": _RUNS_SCHEDULES,
    },
)
