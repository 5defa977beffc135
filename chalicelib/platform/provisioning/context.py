"""Declares the context `provisioning`: its tables, queues, functions and their permissions."""

from datetime import timedelta

from chalicelib.platform.context import (
    BATCH_GET,
    DELETE,
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
from chalicelib.platform.provisioning.changes import EVENTS, on_change
from chalicelib.platform.provisioning.claim_store import CLAIMS
from chalicelib.platform.provisioning.queues import PROVISIONING
from chalicelib.platform.provisioning.store import RESOURCES, holding

CONTEXT = Context(
    name="provisioning",
    tables=(RESOURCES, CLAIMS),
    queues=(PROVISIONING,),
    on_change=on_change,
    events=EVENTS,
    holds=holding,
    functions=(
        # Its leases are twice as long as its timeout (`pacing.LEASE`).
        Function(
            "provision",
            "chalicelib.platform.workers.provision.handler",
            QueueSource(PROVISIONING, 10),
            60,
            memory_mb=1024,
            loads="families provisioning quotas",
        ),
        Function(
            "sweep_provisioning",
            "chalicelib.platform.workers.sweep_provisioning.handler",
            ScheduleSource(),
            60,
            loads="provisioning quotas",
        ),
        Function(
            "report_strangers",
            "chalicelib.platform.workers.report_strangers.handler",
            ScheduleSource(timedelta(hours=1)),
            300,
            loads="families provisioning quotas",
        ),
    ),
    grants={
        "machines_api": Grants(tables={"resources": GET | BATCH_GET | QUERY | PUT | UPDATE}),
        "relay_changes": Grants(sends=(PROVISIONING,)),
        "provision": Grants(tables={"resources": BATCH_GET | UPDATE | DELETE, "claims": DELETE}, sends=(PROVISIONING,)),
        "sweep_provisioning": Grants(
            tables={"resources": QUERY, "counters": UPDATE},
            sends=(PROVISIONING,),
        ),
        "report_strangers": Grants(tables={"resources": BATCH_GET | UPDATE, "counters": UPDATE}),
        "recount": Grants(tables={"resources": QUERY}),
        "api_handler": Grants(counts=(PROVISIONING,)),
    },
)
