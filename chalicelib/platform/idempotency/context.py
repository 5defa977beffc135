"""Declares the context `idempotency`: its table and the permissions of functions on it."""

from chalicelib.platform.context import BATCH_GET, GET, PUT, UPDATE, Context, Grants
from chalicelib.platform.idempotency.store import ANSWER, TABLE

CONTEXT = Context(
    name="idempotency",
    tables=(TABLE,),
    sealed={TABLE: (ANSWER,)},
    grants={
        "api_handler": Grants(tables={"idempotency": GET | PUT}, decrypts=True),
        "clean_up": Grants(tables={"idempotency": BATCH_GET | UPDATE}, decrypts=True),
    },
)
