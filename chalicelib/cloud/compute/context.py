"""Declares the context `compute`, whose rows are resources of the platform."""

from datetime import timedelta

from chalicelib.cloud.compute.disk_model import SNAPSHOT, VOLUME
from chalicelib.cloud.compute.disk_rules import charge_of_snapshot, charge_of_volume, drifted
from chalicelib.cloud.compute.model import MAY_HAVE_ENDED
from chalicelib.cloud.compute.queues import INSTANCE_ENDS
from chalicelib.cloud.gone import TENANT_GONE
from chalicelib.cloud.network.address_model import ADDRESS
from chalicelib.cloud.remnants import REMNANTS
from chalicelib.machines.public import INSTANCE
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
)
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED
from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.ports import Kind

VOLUMES = Kind(
    name=VOLUME,
    driver=lambda cloud: cloud.volume_driver,
    change_within=timedelta(minutes=20),
    drifted=drifted,
    charge_of=charge_of_volume,
)
"""A volume of a launch waits for its machine, longer than an instance may take."""

SNAPSHOTS = Kind(
    name=SNAPSHOT,
    driver=lambda cloud: cloud.snapshot_driver,
    create_within=timedelta(days=1),
    has_token=False,
    charge_of=charge_of_snapshot,
)
"""A copy takes hours where the volume is large."""

CONTEXT = Context(
    name="compute",
    kinds=(VOLUMES, SNAPSHOTS),
    queues=(INSTANCE_ENDS,),
    subscriptions=(
        Subscription((RESOURCE_CHANGED,), INSTANCE_ENDS, {"kind": (INSTANCE,), "state": tuple(sorted(MAY_HAVE_ENDED))}),
        Subscription((RESOURCE_CHANGED,), INSTANCE_ENDS, {"kind": (ADDRESS,), "state": (State.READY,)}),
    ),
    functions=(
        Function(
            "end_instances",
            "chalicelib.cloud.workers.end_instances.handler",
            QueueSource(INSTANCE_ENDS, 5),
            30,
            loads="families compute network providers provisioning quotas roles ssh_keys",
        ),
    ),
    tasks={TENANT_GONE: REMNANTS},
    grants={
        "cloud_api": Grants(
            tables={
                "resources": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "quotas": BATCH_GET | UPDATE,
                "tenants": GET,
                "claims": GET | QUERY | PUT | DELETE,
                # For the figures of an instance, whose agent is woken for them.
                "nodes": BATCH_GET,
                "presence": BATCH_GET | UPDATE,
                "metrics_cache": BATCH_GET,
            },
            posts_to_sockets=True,
            reads_consoles=True,
        ),
        "clean_up": Grants(tables={"resources": GET | BATCH_GET | QUERY | UPDATE}),
        "end_instances": Grants(tables={"resources": GET | BATCH_GET | UPDATE, "claims": GET | QUERY | DELETE}),
        "provision": Grants(keeps_disks=True),
        "report_strangers": Grants(describes_disks=True),
    },
)
