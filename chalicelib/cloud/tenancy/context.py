"""Declares the context `tenancy`: its tables, and the permissions of functions on them."""

from chalicelib.cloud.tenancy.store import INVITATIONS, OWNED, SLUGS
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants

CONTEXT = Context(
    name="tenancy",
    tables=(SLUGS, INVITATIONS, OWNED),
    grants={
        "cloud_api": Grants(
            tables={
                "tenant_slugs": PUT | DELETE,
                "invitations": GET | QUERY | PUT | DELETE,
                "tenants": GET | BATCH_GET | PUT | UPDATE,
                "members": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                "users": GET | BATCH_GET | PUT | UPDATE,
                "addresses": GET | PUT | DELETE,
                "verifications": GET | PUT | UPDATE,
                "quotas": BATCH_GET,
                "owned_clusters": PUT | DELETE,
                "clusters": GET,
            },
        ),
    },
)
