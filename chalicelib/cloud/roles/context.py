"""Declares the context `roles`: its tables, and the permissions of functions on them."""

from chalicelib.cloud.roles.store import POLICIES, ROLES
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, Context, Grants

_OF_GUESTS = Grants(tables={"tenant_roles": BATCH_GET, "tenant_policies": BATCH_GET})

CONTEXT = Context(
    name="roles",
    tables=(ROLES, POLICIES),
    grants={
        **dict.fromkeys(("api_handler", "machines_api"), _OF_GUESTS),
        "cloud_api": Grants(
            tables={
                "tenant_roles": GET | BATCH_GET | QUERY | PUT | DELETE,
                "tenant_policies": GET | BATCH_GET | QUERY | PUT | DELETE,
            },
        ),
    },
)
