"""Declares the context `tenancy`: its tables, and the permissions of functions on them."""

from typing import Any

from chalicelib.cloud.gone import TENANT_GONE
from chalicelib.cloud.tenancy.ending import empty_chunk
from chalicelib.cloud.tenancy.store import INVITATIONS, OWNED, SLUGS
from chalicelib.kit.queues import Message
from chalicelib.platform.context import BATCH_GET, CHECK, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, Task


def _empty(cloud: Any, message: Message) -> str | None:
    """Remove the rows of a deleted tenant."""
    return empty_chunk(cloud.platform.tables, cloud.platform.clock, message["id"], message.get("cursor"))


CONTEXT = Context(
    name="tenancy",
    tables=(SLUGS, INVITATIONS, OWNED),
    tasks={TENANT_GONE: Task(_empty)},
    grants={
        "clean_up": Grants(
            tables={"invitations": QUERY | DELETE, "owned_clusters": DELETE, "tenants": GET | UPDATE},
        ),
        "cloud_api": Grants(
            tables={
                "tenant_slugs": PUT | DELETE,
                "invitations": GET | QUERY | PUT | DELETE,
                "tenants": GET | BATCH_GET | PUT | UPDATE,
                "members": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE | CHECK,
                "users": GET | BATCH_GET | PUT | UPDATE | CHECK,
                "addresses": GET | PUT | DELETE,
                "verifications": GET | PUT | UPDATE,
                "quotas": GET | BATCH_GET | UPDATE,
                "tasks": UPDATE,
                "owned_clusters": PUT | DELETE,
                "clusters": GET,
            },
        ),
    },
)
