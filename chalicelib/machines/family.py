"""The machines: instances, hosted nodes and analytics, on top of the fleet."""

from chalicelib.machines.analytics import context as analytics
from chalicelib.machines.catalogue import context as catalogue
from chalicelib.machines.hosted import context as hosted
from chalicelib.machines.instances import context as instances
from chalicelib.machines.instances.changes import STATUS_CHANGED
from chalicelib.machines.permissions import PERMISSIONS
from chalicelib.machines.providers import context as providers
from chalicelib.platform.context import Family, Function, HttpSource

FAMILY = Family(
    "machines",
    contexts=(catalogue.CONTEXT, instances.CONTEXT, providers.CONTEXT, hosted.CONTEXT, analytics.CONTEXT),
    services="chalicelib.machines.wiring.Machines",
    api="chalicelib.machines.api.APIS",
    needs=("fleet",),
    permissions=PERMISSIONS,
    event_types=(STATUS_CHANGED,),
    functions=(
        Function(
            "machines_api", "app.app", HttpSource(), 28, memory_mb=1024, loads="access catalogue idempotency limits"
        ),
    ),
)
