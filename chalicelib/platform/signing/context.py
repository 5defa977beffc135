"""Declares the context `signing`: its table and the permissions of the functions that sign."""

from chalicelib.platform.context import BATCH_GET, GET, PUT, UPDATE, Context, Grants
from chalicelib.platform.signing.store import SEALED, SIGNING_KEYS

CONTEXT = Context(
    name="signing",
    tables=(SIGNING_KEYS,),
    sealed={SIGNING_KEYS: SEALED},
    grants={
        "deliver_webhook": Grants(tables={"signing_keys": GET | PUT}, signs=True, reads_public_keys=True),
        "clean_up": Grants(tables={"signing_keys": BATCH_GET | UPDATE}),
    },
)
