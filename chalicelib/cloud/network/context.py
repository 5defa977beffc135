"""Declares the context `network`, whose rows are resources of the platform."""

from datetime import timedelta
from functools import partial

from chalicelib.cloud.network import address_rules, group_rules, nat_rules
from chalicelib.cloud.network.address_model import ADDRESS
from chalicelib.cloud.network.drift import drifted
from chalicelib.cloud.network.group_model import SECURITY_GROUP
from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.cloud.network.names import INTERNET_GATEWAY, NAT_GATEWAY, ROUTE_TABLE, VPC_PEERING
from chalicelib.cloud.network.queues import NETWORK_EFFECTS
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
from chalicelib.platform.provisioning.ports import Kind

APPEARS_WITHIN = timedelta(minutes=3)
"""EC2 shows what it has made within seconds; a call of a worker ends within a minute."""

_without_token = partial(Kind, appears_within=APPEARS_WITHIN, has_token=False)
"""A kind of which EC2 makes a second thing at a repeat."""

VPCS = _without_token(name=VPC, driver=lambda cloud: cloud.vpc_driver)
SUBNETS = _without_token(name=SUBNET, driver=lambda cloud: cloud.subnet_driver, drifted=drifted)
GATEWAYS = _without_token(name=INTERNET_GATEWAY, driver=lambda cloud: cloud.internet_gateway_driver, drifted=drifted)
TABLES = Kind(
    name=ROUTE_TABLE,
    driver=lambda cloud: cloud.route_table_driver,
    appears_within=APPEARS_WITHIN,
    drifted=drifted,
)

SECURITY_GROUPS = Kind(
    name=SECURITY_GROUP,
    driver=lambda cloud: cloud.security_group_driver,
    appears_within=APPEARS_WITHIN,
    drifted=group_rules.drifted,
)
"""EC2 takes a group's name once in a VPC, so that a repeat makes no second one."""

ADDRESSES = _without_token(
    name=ADDRESS,
    driver=lambda cloud: cloud.address_driver,
    drifted=address_rules.drifted,
    charge_of=address_rules.charge_of,
)
NATS = Kind(name=NAT_GATEWAY, driver=lambda cloud: cloud.nat_driver, charge_of=nat_rules.charge_of)
PEERINGS = _without_token(name=VPC_PEERING, driver=lambda cloud: cloud.peering_driver, drifted=drifted)

CONTEXT = Context(
    name="network",
    kinds=(
        *(VPCS, SUBNETS, SECURITY_GROUPS),
        *(GATEWAYS, TABLES),
        *(ADDRESSES, NATS, PEERINGS),
    ),
    queues=(NETWORK_EFFECTS,),
    subscriptions=(Subscription((RESOURCE_CHANGED,), NETWORK_EFFECTS, {"kind": (VPC,)}),),
    functions=(
        Function(
            "network_effects",
            "chalicelib.cloud.workers.network_effects.handler",
            QueueSource(NETWORK_EFFECTS, 5),
            30,
            loads="events network provisioning quotas",
        ),
        Function(
            "measure_traffic",
            "chalicelib.cloud.workers.measure_traffic.handler",
            ScheduleSource(timedelta(hours=1)),
            300,
            loads="billing network provisioning quotas",
        ),
    ),
    grants={
        "cloud_api": Grants(
            tables={
                "resources": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "claims": GET | QUERY | PUT | DELETE,
                "quotas": UPDATE,
                "tenants": GET,
            },
        ),
        "measure_traffic": Grants(
            tables={"resources": BATCH_GET | QUERY, "billing_intervals": PUT}, reads_metrics=True
        ),
        "network_effects": Grants(tables={"resources": GET | PUT | UPDATE}),
        "provision": Grants(tables={"claims": QUERY}, makes_networks=True),
        "report_strangers": Grants(describes_networks=True),
    },
)
