"""Declares the context `ssh_keys`: its table, and the permissions of functions on it."""

from chalicelib.cloud.gone import TENANT_GONE, emptying
from chalicelib.cloud.ssh_keys.store import SSH_KEYS, empty_chunk
from chalicelib.platform.context import DELETE, PUT, QUERY, Context, Grants

CONTEXT = Context(
    name="ssh_keys",
    tables=(SSH_KEYS,),
    tasks={TENANT_GONE: emptying(empty_chunk)},
    grants={
        "cloud_api": Grants(tables={"tenant_ssh_keys": QUERY | PUT | DELETE}),
        "clean_up": Grants(tables={"tenant_ssh_keys": QUERY | DELETE}),
    },
)
