"""Declares the context `hosted`: its tables, queue, functions and their permissions."""

from chalicelib.machines.hosted.changes import on_change
from chalicelib.machines.hosted.export_store import TABLE as EXPORTS
from chalicelib.machines.hosted.queues import HOSTED_BUILDS
from chalicelib.machines.hosted.store import TABLE as NODES
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.platform.buckets import Bucket
from chalicelib.platform.bus_rules import Subscription
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
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES

EXPORT_BUCKET = Bucket("export", kept_days=7)
"""Exports of logs."""

CONTEXT = Context(
    name="hosted",
    tables=(NODES, EXPORTS),
    queues=(HOSTED_BUILDS,),
    buckets=(EXPORT_BUCKET,),
    on_change=on_change,
    functions=(
        Function(
            "run_hosted_builds",
            "chalicelib.machines.workers.run_hosted_builds.handler",
            QueueSource(HOSTED_BUILDS, 10),
            60,
            memory_mb=1024,
            loads="catalogue events hosted instances",
        ),
        Function(
            "sweep_hosted_builds",
            "chalicelib.machines.workers.sweep_hosted_builds.handler",
            ScheduleSource(),
            60,
            loads="catalogue hosted",
        ),
    ),
    grants={
        "machines_api": Grants(
            tables={
                "hosted_nodes": GET | QUERY | PUT | UPDATE,
                "log_exports": GET | PUT,
                "signing_keys": GET | PUT,
                "clusters": GET,
                "nodes": BATCH_GET,
                "audit_events": PUT,
            },
            reads_public_keys=True,
            hands_out_agent=True,
            buckets=(EXPORT_BUCKET,),
        ),
        "relay_changes": Grants(sends=(HOSTED_BUILDS, WEBHOOK_DELIVERIES)),
        "run_hosted_builds": Grants(
            tables={
                "hosted_nodes": GET | UPDATE,
                "log_exports": GET | UPDATE,
                "resources": GET | PUT | UPDATE,
                "quotas": UPDATE,
                "tenants": GET,
                "webhooks": GET | PUT | UPDATE | DELETE,
                "tasks": UPDATE,
                "clusters": GET,
                "nodes": BATCH_GET,
                "commands": GET | PUT,
                "fan_outs": PUT,
                "executions": GET,
                "self_update_requests": GET | PUT,
                "self_updates": BATCH_GET,
                "data_keys": GET | PUT,
            },
            sends=(HOSTED_BUILDS,),
            decrypts=True,
            makes_data_key=True,
            reads_consoles=True,
            hands_out_agent=True,
            buckets=(EXPORT_BUCKET,),
        ),
        "sweep_hosted_builds": Grants(
            tables={"hosted_nodes": GET | UPDATE | QUERY, "log_exports": GET | UPDATE | QUERY, "counters": UPDATE},
            sends=(HOSTED_BUILDS,),
        ),
    },
    subscriptions=(Subscription((RESOURCE_CHANGED,), HOSTED_BUILDS, {"kind": (INSTANCE,)}),),
)
