"""Declares the context `access`: its tables, queues, functions and their permissions."""

from chalicelib.platform.access.store import API_KEYS, TOTALS, is_listed
from chalicelib.platform.context import BATCH_GET, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="access",
    tables=(API_KEYS,),
    sealed={API_KEYS: ("hash_key_sealed",)},
    counted=(Counted(API_KEYS, TOTALS, of=is_listed),),
    grants={
        "api_handler": Grants(reads_keys=True, tables={"api_keys": GET | BATCH_GET | QUERY | PUT | UPDATE}),
        "clean_up": Grants(tables={"api_keys": BATCH_GET | UPDATE}),
        "recount": Grants(tables={"api_keys": QUERY}),
        "settle_vpn": Grants(reads_keys=True),
    },
)
