"""Declares the context `ssh_keys`: its table, and the permissions of functions on it."""

from typing import Any

from chalicelib.cloud.gone import TENANT_GONE
from chalicelib.cloud.ssh_keys.store import SSH_KEYS, empty_chunk
from chalicelib.kit.queues import Message
from chalicelib.platform.context import DELETE, PUT, QUERY, Context, Grants, Task


def _empty(cloud: Any, message: Message) -> str | None:
    """Remove the rows of a deleted tenant."""
    return empty_chunk(cloud.platform.tables.scoped(message["id"]), message.get("cursor"))


CONTEXT = Context(
    name="ssh_keys",
    tables=(SSH_KEYS,),
    tasks={TENANT_GONE: Task(_empty)},
    grants={
        "cloud_api": Grants(tables={"tenant_ssh_keys": QUERY | PUT | DELETE}),
        "clean_up": Grants(tables={"tenant_ssh_keys": QUERY | DELETE}),
    },
)
