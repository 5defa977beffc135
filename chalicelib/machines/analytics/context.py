"""Declares the context `analytics`: its tables, queue, function and their permissions."""

from chalicelib.machines.analytics.facts import OF_MACHINES
from chalicelib.machines.analytics.queues import ANALYTICS
from chalicelib.machines.analytics.store import EVENTS, INSTANCES, OWNERS, PERIODS
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.platform.bus_rules import Subscription
from chalicelib.platform.context import (
    BATCH_GET,
    GET,
    PUT,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    QueueSource,
)
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED

CONTEXT = Context(
    name="analytics",
    tables=(OWNERS, INSTANCES, EVENTS, PERIODS),
    queues=(ANALYTICS,),
    functions=(
        Function(
            "record_analytics",
            "chalicelib.machines.workers.record_analytics.handler",
            QueueSource(ANALYTICS, 10),
            60,
            loads="access analytics events instances provisioning quotas",
        ),
    ),
    grants={
        "machines_api": Grants(
            tables={
                "analytics_instances": GET | BATCH_GET | QUERY,
                "analytics_events": QUERY,
                "analytics_periods": QUERY,
                "nodes": BATCH_GET,
                "presence": BATCH_GET,
            }
        ),
        "record_analytics": Grants(
            tables={
                "analytics_owners": GET | PUT | UPDATE,
                "analytics_instances": PUT | UPDATE,
                "analytics_events": PUT,
                "analytics_periods": UPDATE,
                "resources": BATCH_GET | QUERY,
            }
        ),
    },
    subscriptions=(
        Subscription(OF_MACHINES, ANALYTICS),
        Subscription((RESOURCE_CHANGED,), ANALYTICS, {"kind": (INSTANCE,)}),
    ),
)
