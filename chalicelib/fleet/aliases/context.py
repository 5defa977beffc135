"""Declares the context `aliases`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.aliases.store import TOTALS
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, Context, Grants
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="aliases",
    tables=(ALIASES,),
    counted=(Counted(ALIASES, TOTALS, {"cluster_name": "cluster_name"}),),
    grants={
        "api_handler": Grants(tables={"aliases": GET | BATCH_GET | QUERY | PUT | DELETE}),
        "settle_vpn": Grants(tables={"aliases": GET | BATCH_GET}),
        "recount": Grants(tables={"aliases": QUERY}),
    },
)
