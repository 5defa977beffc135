"""Declares the context `network`, whose rows are resources of the platform."""

from datetime import timedelta

from chalicelib.cloud.network import address_rules, group_rules
from chalicelib.cloud.network.address_model import ADDRESS
from chalicelib.cloud.network.group_model import SECURITY_GROUP
from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.provisioning.ports import Kind

APPEARS_WITHIN = timedelta(minutes=3)
"""EC2 shows what it has made within seconds; a call of a worker ends within a minute."""

VPCS = Kind(name=VPC, driver=lambda cloud: cloud.vpc_driver, appears_within=APPEARS_WITHIN, has_token=False)
SUBNETS = Kind(name=SUBNET, driver=lambda cloud: cloud.subnet_driver, appears_within=APPEARS_WITHIN, has_token=False)
SECURITY_GROUPS = Kind(
    name=SECURITY_GROUP,
    driver=lambda cloud: cloud.security_group_driver,
    appears_within=APPEARS_WITHIN,
    drifted=group_rules.drifted,
)
"""EC2 takes a group's name once in a VPC, so that a repeat makes no second one."""

ADDRESSES = Kind(
    name=ADDRESS,
    driver=lambda cloud: cloud.address_driver,
    appears_within=APPEARS_WITHIN,
    has_token=False,
    drifted=address_rules.drifted,
    charge_of=address_rules.charge_of,
)

CONTEXT = Context(
    name="network",
    kinds=(
        *(VPCS, SUBNETS, SECURITY_GROUPS),
        ADDRESSES,
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
        "provision": Grants(makes_networks=True),
        "report_strangers": Grants(describes_networks=True),
    },
)
