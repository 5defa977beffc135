"""The cloud's API. Its paths begin at the root of its host."""

from pathlib import Path

from chalicelib.cloud.api.protocol import CLOUD
from chalicelib.web.api import Api

_MODULES = (
    *("auth", "keys", "tenants", "members", "invitations", "quotas", "clusters"),
    *("rbac", "iam", "service_accounts", "tokens", "ssh_keys", "secrets", "audit", "dashboard"),
    *("vpcs", "subnets"),
    *("security_groups", "internet_gateways", "route_tables"),
    *("elastic_ips", "nat_gateways", "vpc_peerings"),
    *("storage_buckets", "storage_multipart", "storage_lifecycle", "storage_objects"),
    *("instance_types", "instances", "instance_changes", "volumes", "snapshots", "images"),
    *("billing", "health", "document"),
)

API = Api(
    name="Cloud",
    services="chalicelib.cloud.wiring.Cloud",
    protocol=CLOUD,
    modules=tuple(f"chalicelib.cloud.api.{name}" for name in _MODULES),
    folder=Path(__file__).parent,
    description="chalicelib.cloud.api.description.CLOUD",
    published="cloud-openapi.json",
    prefixes=(
        "/auth",
        "/tenants",
        "/rbac",
        "/iam",
        "/oauth2",
        "/vpcs",
        "/subnets",
        "/security-groups",
        "/elastic-ips",
        "/internet-gateways",
        "/route-tables",
        "/nat-gateways",
        "/vpc-peerings",
        "/instance-types",
        "/instances",
        "/volumes",
        "/snapshots",
        "/images",
        "/ssh-keys",
        "/secrets",
        "/storage",
        "/billing",
        "/health",
        "/audit",
        "/events",
        "/api/dashboard",
    ),
    document_route="/openapi.json",
)

APIS = (API,)
