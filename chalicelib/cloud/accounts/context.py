"""Declares the context `accounts`: its tables, and the permissions of functions on them."""

from typing import Any

from chalicelib.cloud.accounts.ending import forget_keys_chunk, forget_sessions
from chalicelib.cloud.accounts.store import LOGIN_TRIES, PASSWORDS
from chalicelib.cloud.gone import USER_GONE
from chalicelib.kit.queues import Message
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, Task


def _forget(cloud: Any, message: Message) -> str | None:
    """End the sessions and keys of a deleted user, and take the names from them."""
    tables, clock, cursor = cloud.platform.tables, cloud.platform.clock, message.get("cursor")
    if cursor is None:
        forget_sessions(tables, clock, message["id"])
    return forget_keys_chunk(tables, clock, message["id"], cursor)


CONTEXT = Context(
    name="accounts",
    tables=(PASSWORDS, LOGIN_TRIES),
    tasks={USER_GONE: Task(_forget)},
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
        "clean_up": Grants(
            tables={
                "passwords": BATCH_GET | UPDATE,
                "api_keys": QUERY | UPDATE,
                "sessions": QUERY | UPDATE,
            }
        ),
    },
)
