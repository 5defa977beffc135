"""What `access` is: its tables and queues, what works for it, and what that may do."""

from chalicelib.platform.context import Context, Grants

CONTEXT = Context(
    name="access",
    grants={
        "api_handler": Grants(reads_keys=True),
        "settle_vpn": Grants(reads_keys=True),
    },
)
