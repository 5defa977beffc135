"""Declares the context `access`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import Context, Grants

CONTEXT = Context(
    name="access",
    grants={
        "api_handler": Grants(reads_keys=True),
        "settle_vpn": Grants(reads_keys=True),
    },
)
