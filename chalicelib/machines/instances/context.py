"""Declares the context `instances`, whose rows are resources of the platform."""

from chalicelib.platform.context import Context

CONTEXT = Context(name="instances")
