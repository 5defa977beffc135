"""Declares the context `puppets`: its table, queue, functions and their permissions."""

from chalicelib.platform.bus_rules import Subscription
from chalicelib.platform.context import (
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
from chalicelib.platform.counted import Counted
from chalicelib.theatre.puppets.changes import EVENTS, on_change
from chalicelib.theatre.puppets.queues import PUPPET_REPAIRS
from chalicelib.theatre.puppets.store import TABLE, TOTALS

CONTEXT = Context(
    name="puppets",
    tables=(TABLE,),
    counted=(Counted(TABLE, TOTALS, {"state": "state"}),),
    queues=(PUPPET_REPAIRS,),
    on_change=on_change,
    events=EVENTS,
    functions=(
        Function(
            "repair_puppets",
            "chalicelib.theatre.workers.repair_puppets.handler",
            QueueSource(PUPPET_REPAIRS, 5),
            30,
            loads="puppets",
        ),
        Function(
            "sweep_puppets",
            "chalicelib.theatre.workers.sweep_puppets.handler",
            ScheduleSource(),
            60,
            loads="puppets",
        ),
    ),
    grants={
        "theatre_api": Grants(
            tables={
                "puppets": GET | PUT | QUERY,
                "counters": QUERY,
                "idempotency": GET | PUT,
                "data_keys": GET | PUT,
                "limits": UPDATE,
            },
            reads_keys=True,
            decrypts=True,
            makes_data_key=True,
        ),
        "relay_changes": Grants(sends=(PUPPET_REPAIRS,)),
        "repair_puppets": Grants(tables={"puppets": UPDATE}),
        "sweep_puppets": Grants(tables={"puppets": QUERY, "counters": UPDATE}, sends=(PUPPET_REPAIRS,)),
        "recount": Grants(tables={"puppets": QUERY}),
    },
    subscriptions=(Subscription(("fleet.node.deleted",), PUPPET_REPAIRS),),
)
