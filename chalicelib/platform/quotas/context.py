"""Declares the context `quotas`: its table, and the permissions of functions on it."""

from chalicelib.platform.context import BATCH_GET, QUERY, UPDATE, Context, Grants
from chalicelib.platform.quotas.store import TABLE

CONTEXT = Context(
    name="quotas",
    tables=(TABLE,),
    grants={
        "machines_api": Grants(tables={"quotas": BATCH_GET | UPDATE}),
        "provision": Grants(tables={"quotas": UPDATE}),
        "recount": Grants(tables={"quotas": BATCH_GET | QUERY | UPDATE}),
    },
)
