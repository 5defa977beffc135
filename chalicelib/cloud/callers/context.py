"""Declares the context `callers`: what the API needs to know who asks, and to answer a repeat."""

from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.mail.queues import MAILS

CONTEXT = Context(
    name="callers",
    grants={
        "cloud_api": Grants(
            tables={
                "api_keys": GET | BATCH_GET | QUERY | PUT | UPDATE,
                "audit_events": BATCH_GET | QUERY | PUT,
                "data_keys": GET | PUT,
                "idempotency": GET | PUT,
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
