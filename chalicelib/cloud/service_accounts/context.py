"""Declares the context `service_accounts`: its tables, and the permissions of functions on them."""

from chalicelib.cloud.gone import TENANT_GONE, emptying
from chalicelib.cloud.service_accounts.store import ACCOUNTS, OWNERS, empty_chunk
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants

_OF_GUESTS = Grants(tables={"service_accounts": GET})


CONTEXT = Context(
    name="service_accounts",
    tables=(ACCOUNTS, OWNERS),
    tasks={TENANT_GONE: emptying(empty_chunk)},
    sealed={ACCOUNTS: ("hash_key_sealed",)},
    grants={
        **dict.fromkeys(("api_handler", "machines_api"), _OF_GUESTS),
        "cloud_api": Grants(
            tables={
                "service_accounts": GET | BATCH_GET | QUERY | PUT | DELETE,
                "service_account_owners": GET | PUT | DELETE,
            },
        ),
        "clean_up": Grants(
            tables={
                "service_accounts": BATCH_GET | QUERY | UPDATE | DELETE,
                "service_account_owners": DELETE,
            }
        ),
    },
)
