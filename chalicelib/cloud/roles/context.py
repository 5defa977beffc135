"""Declares the context `roles`: its tables, and the permissions of functions on them."""

from chalicelib.cloud.gone import TENANT_GONE, emptying
from chalicelib.cloud.roles.store import POLICIES, ROLES, empty_chunk
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, Context, Grants

_OF_GUESTS = Grants(tables={"tenant_roles": BATCH_GET, "tenant_policies": BATCH_GET})


CONTEXT = Context(
    name="roles",
    tables=(ROLES, POLICIES),
    tasks={TENANT_GONE: emptying(empty_chunk)},
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
