"""Declares the context `aliases`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, Context, Grants

CONTEXT = Context(
    name="aliases",
    tables=(ALIASES,),
    grants={
        "api_handler": Grants(tables={"aliases": GET | BATCH_GET | QUERY | PUT | DELETE}),
        "settle_vpn": Grants(tables={"aliases": GET | BATCH_GET}),
        "recount": Grants(tables={"aliases": QUERY}),
    },
)
