"""Declares the context `accounts`: its tables, and the permissions of functions on them."""

from typing import Any

from chalicelib.cloud.accounts.ending import forget_keys_chunk
from chalicelib.cloud.accounts.store import LOGIN_TRIES, PASSWORDS
from chalicelib.cloud.gone import USER_GONE
from chalicelib.kit.queues import Message
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, Task


def _forget_keys(cloud: Any, message: Message) -> str | None:
    """Take the names from the keys of a deleted user."""
    return forget_keys_chunk(cloud.platform.tables, cloud.platform.clock, message["id"], message.get("cursor"))


CONTEXT = Context(
    name="accounts",
    tables=(PASSWORDS, LOGIN_TRIES),
    tasks={USER_GONE: Task(_forget_keys)},
    sealed={PASSWORDS: ("hash_sealed",)},
    grants={
        "cloud_api": Grants(
            tables={
                "passwords": BATCH_GET | PUT | UPDATE | DELETE,
                "login_tries": BATCH_GET | UPDATE | DELETE,
            },
        ),
        # The mail of a registration says something else to a known user.
        "send_mails": Grants(tables={"addresses": GET}),
        "clean_up": Grants(tables={"passwords": BATCH_GET | UPDATE, "api_keys": QUERY | UPDATE}),
    },
)
