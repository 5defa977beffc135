"""Declares the context `limits`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import UPDATE, Context, Grants
from chalicelib.platform.limits.store import LIMITS

CONTEXT = Context(
    name="limits",
    tables=(LIMITS,),
    grants={"api_handler": Grants(tables={"limits": UPDATE})},
)
