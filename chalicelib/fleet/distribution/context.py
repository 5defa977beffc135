"""Declares the context `distribution`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import Context, Grants

CONTEXT = Context(
    name="distribution",
    grants={
        "api_handler": Grants(hands_out_agent=True),
    },
)
