"""Declares the context `enrollment`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.enrollment.store import TOKENS, TOTALS
from chalicelib.platform.context import BATCH_GET, CHECK, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, by_cursor
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="enrollment",
    tables=(
        ENROLLMENT_KEYS,
        TOKENS,
    ),
    tasks={"cluster": by_cursor(lambda fleet: fleet.enrollment.clean_up_chunk)},
    sealed={ENROLLMENT_KEYS: ("key_sealed",)},
    counted=(Counted(ENROLLMENT_KEYS, TOTALS, {"cluster_name": "cluster_name"}),),
    grants={
        "api_handler": Grants(
            tables={
                "enrollment_keys": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE | CHECK,
                "registration_tokens": GET | BATCH_GET | PUT | UPDATE,
            }
        ),
        "clean_up": Grants(tables={"enrollment_keys": BATCH_GET | QUERY | UPDATE | DELETE}),
        "recount": Grants(tables={"enrollment_keys": QUERY}),
    },
)
