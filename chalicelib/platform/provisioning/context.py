"""Declares the context `provisioning`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import Context

CONTEXT = Context(name="provisioning")
