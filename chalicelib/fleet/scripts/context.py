"""Declares the context `scripts`: its table, its total and the permissions of functions."""

from chalicelib.fleet.scripts.store import SCRIPT_TOTALS, SCRIPTS
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="scripts",
    tables=(SCRIPTS,),
    counted=(Counted(SCRIPTS, SCRIPT_TOTALS),),
    grants={
        "api_handler": Grants(tables={"scripts": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE}),
        "recount": Grants(tables={"scripts": QUERY}),
    },
)
