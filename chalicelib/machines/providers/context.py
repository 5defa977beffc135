"""Declares the context `providers`: the kind of resource that an instance is, and what tells of changes outside."""

from chalicelib.fleet.facts import NODE_DELETED, NODE_ENROLLED, NODE_STATUS_CHANGED
from chalicelib.machines.instances.changes import events_of
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.machines.instances.rules import charge_of
from chalicelib.machines.providers.queues import EC2_SOURCE, EC2_STATE_CHANGED, INSTANCE_SIGNALS
from chalicelib.machines.providers.rules import ENROLS_WITHIN, drifted, unready
from chalicelib.platform.bus_rules import ProviderEvents, Subscription
from chalicelib.platform.context import (
    BATCH_GET,
    CHECK,
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
from chalicelib.platform.provisioning.ports import Kind

INSTANCES = Kind(
    name=INSTANCE,
    driver=lambda machines: machines.providers.driver,
    create_within=ENROLS_WITHIN,
    has_power=True,
    drifted=drifted,
    unready=unready,
    events_of=events_of,
    charge_of=charge_of,
)
"""An instance: a machine at a provider, and its node if it names a cluster."""

_MACHINES_AND_NODES = Grants(
    tables={
        "clusters": GET | UPDATE | CHECK,
        "enrollment_keys": GET | PUT | DELETE,
        "nodes": BATCH_GET | DELETE,
        "node_terms": DELETE,
        "presence": BATCH_GET,
        "node_exclusions": UPDATE,
        "aliases": DELETE,
        "tasks": UPDATE,
        "data_keys": GET | PUT,
    },
    decrypts=True,
    makes_data_key=True,
    describes_machines=True,
    runs_machines=True,
)
"""The permissions of the driver: it makes and opens keys, reads and deletes nodes, makes and removes machines."""

CONTEXT = Context(
    name="providers",
    kinds=(INSTANCES,),
    queues=(INSTANCE_SIGNALS,),
    functions=(
        Function(
            "wake_instances",
            "chalicelib.machines.workers.wake_instances.handler",
            QueueSource(INSTANCE_SIGNALS, 5),
            30,
            loads="families providers provisioning quotas",
        ),
    ),
    subscriptions=(Subscription((NODE_ENROLLED, NODE_DELETED, NODE_STATUS_CHANGED), INSTANCE_SIGNALS),),
    provider_events=(ProviderEvents(EC2_SOURCE, (EC2_STATE_CHANGED,), INSTANCE_SIGNALS),),
    grants={
        "provision": _MACHINES_AND_NODES,
        "report_strangers": Grants(describes_machines=True),
        "wake_instances": Grants(tables={"resources": QUERY | BATCH_GET | UPDATE}),
    },
)
