"""Declares the context `billing`: its table, queue, function and their permissions."""

from chalicelib.platform.billing.queues import METERING
from chalicelib.platform.billing.store import INTERVALS
from chalicelib.platform.context import PUT, QUERY, UPDATE, Context, Function, Grants, QueueSource

CONTEXT = Context(
    name="billing",
    tables=(INTERVALS,),
    queues=(METERING,),
    functions=(
        Function(
            "meter", "chalicelib.platform.workers.meter.handler", QueueSource(METERING, 5), 60, loads="access billing"
        ),
    ),
    grants={
        "api_handler": Grants(counts=(METERING,)),
        "relay_changes": Grants(sends=(METERING,)),
        "meter": Grants(tables={"billing_intervals": QUERY | PUT | UPDATE}),
        "cloud_api": Grants(tables={"billing_intervals": QUERY}),
    },
)
