"""Declares the context `targeting`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import Context

CONTEXT = Context(
    name="targeting",
)
