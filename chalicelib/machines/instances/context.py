"""Declares the context `instances`, whose rows are resources of the platform."""

from chalicelib.platform.context import GET, Context, Grants

CONTEXT = Context(name="instances", grants={"machines_api": Grants(tables={"clusters": GET})})
