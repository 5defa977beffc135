"""Declares the context `service_accounts`: its tables, and the permissions of functions on them."""

from typing import Any

from chalicelib.cloud.gone import TENANT_GONE
from chalicelib.cloud.service_accounts.store import ACCOUNTS, OWNERS, empty_chunk
from chalicelib.kit.queues import Message
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, Task

_OF_GUESTS = Grants(tables={"service_accounts": GET})


def _empty(cloud: Any, message: Message) -> str | None:
    """Remove the rows of a deleted tenant."""
    return empty_chunk(cloud.platform.tables.scoped(message["id"]), message.get("cursor"))


CONTEXT = Context(
    name="service_accounts",
    tables=(ACCOUNTS, OWNERS),
    tasks={TENANT_GONE: Task(_empty)},
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
