"""Declares the context `catalogue`, which has no rows, and what the family's API needs of the platform."""

from chalicelib.platform.context import BATCH_GET, GET, PUT, UPDATE, Context, Grants

CONTEXT = Context(
    name="catalogue",
    grants={
        "machines_api": Grants(
            tables={
                "counters": BATCH_GET,
                "idempotency": GET | PUT,
                "data_keys": GET | PUT,
                "limits": BATCH_GET | UPDATE,
                "api_keys": GET | UPDATE,
                "tenants": GET | UPDATE,
                "audit_events": PUT,
            },
            reads_keys=True,
            decrypts=True,
            makes_data_key=True,
        ),
    },
)
