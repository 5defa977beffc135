"""Declares the context `admins`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.admins.store import TABLE as ADMINS
from chalicelib.platform.context import (
    BATCH_GET,
    EVERY_STACK,
    GET,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    ScheduleSource,
)

CONTEXT = Context(
    name="admins",
    tables=(ADMINS,),
    functions=(
        Function(
            "heartbeat",
            "chalicelib.fleet.workers.heartbeat.handler",
            ScheduleSource(),
            60,
            roles=EVERY_STACK,
            loads="admins aliases clusters enrollment events nodes vpn",
        ),
    ),
    grants={
        "api_handler": Grants(tables={"admins": GET | QUERY}),
        "websocket_message": Grants(tables={"admins": GET}),
        "relay_changes": Grants(tables={"admins": GET}),
        "clean_up": Grants(tables={"admins": GET}),
        "trigger_updates": Grants(tables={"admins": GET}),
        "sweep_commands": Grants(tables={"admins": BATCH_GET | UPDATE}),
        "heartbeat": Grants(tables={"admins": GET | QUERY | UPDATE}),
        "reconcile_vpn": Grants(tables={"admins": GET}),
    },
)
