"""Declares the context `catalogue`, which has no rows, and what the family's API needs of the platform."""

from chalicelib.platform.context import BATCH_GET, GET, PUT, QUERY, UPDATE, Context, Grants

CONTEXT = Context(
    name="catalogue",
    grants={
        "machines_api": Grants(
            tables={
                "counters": BATCH_GET,
                "idempotency": GET | PUT,
                "data_keys": GET | PUT,
                "limits": BATCH_GET | UPDATE,
                "api_keys": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "tenants": GET | PUT | UPDATE,
                "users": GET | BATCH_GET | PUT,
                "addresses": GET | PUT,
                "members": QUERY | PUT,
                "sessions": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "verifications": GET | PUT | UPDATE,
                "audit_events": PUT,
            },
            reads_keys=True,
            decrypts=True,
            makes_data_key=True,
        ),
    },
)
