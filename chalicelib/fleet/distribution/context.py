"""What `distribution` is: its tables and queues, what works for it, and what that may do."""

from chalicelib.platform.context import Context, Grants

CONTEXT = Context(
    name="distribution",
    grants={
        "api_handler": Grants(hands_out_agent=True),
    },
)
