"""Declares the context `roles`: its tables, and the permissions of functions on them."""

from typing import Any

from chalicelib.cloud.gone import TENANT_GONE
from chalicelib.cloud.roles.store import POLICIES, ROLES, empty_chunk
from chalicelib.kit.queues import Message
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, Context, Grants, Task

_OF_GUESTS = Grants(tables={"tenant_roles": BATCH_GET, "tenant_policies": BATCH_GET})


def _empty(cloud: Any, message: Message) -> str | None:
    """Remove the rows of a deleted tenant."""
    return empty_chunk(cloud.platform.tables.scoped(message["id"]), message.get("cursor"))


CONTEXT = Context(
    name="roles",
    tables=(ROLES, POLICIES),
    tasks={TENANT_GONE: Task(_empty)},
    grants={
        "clean_up": Grants(tables={"tenant_roles": QUERY | DELETE, "tenant_policies": QUERY | DELETE}),
        **dict.fromkeys(("api_handler", "machines_api"), _OF_GUESTS),
        "cloud_api": Grants(
            tables={
                "tenant_roles": GET | BATCH_GET | QUERY | PUT | DELETE,
                "tenant_policies": GET | BATCH_GET | QUERY | PUT | DELETE,
            },
        ),
    },
)
