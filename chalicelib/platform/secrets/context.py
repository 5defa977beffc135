"""Declares the context `secrets`: its table, and the permissions of functions on it."""

from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants
from chalicelib.platform.secrets.store import SECRETS, holding

CONTEXT = Context(
    name="secrets",
    tables=(SECRETS,),
    sealed={SECRETS: ("value_sealed",)},
    holds=holding,
    grants={
        "api_handler": Grants(tables={SECRETS.name: GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE, "quotas": UPDATE}),
        # Sealing anew, and the look whether a schedule's secrets exist.
        "clean_up": Grants(tables={SECRETS.name: BATCH_GET | UPDATE}),
        "recount": Grants(tables={SECRETS.name: QUERY}),
    },
)
