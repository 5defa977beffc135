"""Declares the context `callers`: what the API needs to know who asks, and to answer a repeat."""

from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.mail.queues import MAILS

_OF_GUESTS = Grants(tables={"users": GET, "members": BATCH_GET, "tenants": GET | BATCH_GET})
"""The look-up of a tenant's callers by the other families."""

CONTEXT = Context(
    name="callers",
    grants={
        **dict.fromkeys(("api_handler", "machines_api"), _OF_GUESTS),
        "cloud_api": Grants(
            tables={
                "api_keys": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "audit_events": BATCH_GET | QUERY | PUT,
                "data_keys": GET | PUT,
                "idempotency": GET | PUT | DELETE,
                "secrets": GET | BATCH_GET | QUERY | PUT | DELETE,
                "quotas": UPDATE,
                "limits": GET | BATCH_GET | UPDATE,
            },
            counts=(MAILS,),
            reads_keys=True,
            decrypts=True,
            makes_data_key=True,
        ),
    },
)
