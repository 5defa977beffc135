"""Declares the context `ssh`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.ssh.attempt_store import ATTEMPTS
from chalicelib.fleet.ssh.store import KEY_TOTALS, KEYS, USERNAME_TOTALS, USERNAMES
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, by_cursor
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="ssh",
    tables=(
        USERNAMES,
        KEYS,
        ATTEMPTS,
    ),
    tasks={"node": by_cursor(lambda fleet: fleet.ssh.usernames.clean_up_chunk)},
    counted=(Counted(USERNAMES, USERNAME_TOTALS), Counted(KEYS, KEY_TOTALS)),
    grants={
        "api_handler": Grants(
            tables={
                "ssh_usernames": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                "ssh_public_keys": GET | BATCH_GET | QUERY | PUT | DELETE,
                "ssh_attempts": BATCH_GET | UPDATE,
            }
        ),
        "clean_up": Grants(tables={"ssh_usernames": BATCH_GET | QUERY | DELETE, "ssh_public_keys": DELETE}),
        "recount": Grants(tables={"ssh_usernames": QUERY, "ssh_public_keys": QUERY}),
    },
)
