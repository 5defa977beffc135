"""Declares the context `network`, whose rows are resources of the platform."""

from datetime import timedelta

from chalicelib.cloud.network.model import SUBNET, VPC
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.provisioning.ports import Kind

APPEARS_WITHIN = timedelta(minutes=3)
"""EC2 shows what it has made within seconds; a call of a worker ends within a minute."""

VPCS = Kind(name=VPC, driver=lambda cloud: cloud.vpc_driver, appears_within=APPEARS_WITHIN, has_token=False)
SUBNETS = Kind(name=SUBNET, driver=lambda cloud: cloud.subnet_driver, appears_within=APPEARS_WITHIN, has_token=False)

CONTEXT = Context(
    name="network",
    kinds=(VPCS, SUBNETS),
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
