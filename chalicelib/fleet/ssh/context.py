"""Declares the context `ssh`: its tables, queues, functions and their permissions."""

from chalicelib.fleet.ssh.attempt_store import ATTEMPTS
from chalicelib.fleet.ssh.group_store import GROUP_USER_TOTALS, GROUP_USERS, REVOCATIONS
from chalicelib.fleet.ssh.store import KEY_TOTALS, KEYS, USERNAME_TOTALS, USERNAMES
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, QUERY, UPDATE, Context, Grants, Task, by_cursor
from chalicelib.platform.counted import Counted

CONTEXT = Context(
    name="ssh",
    tables=(
        USERNAMES,
        KEYS,
        ATTEMPTS,
        GROUP_USERS,
        REVOCATIONS,
    ),
    tasks={
        "node": by_cursor(lambda fleet: fleet.ssh.usernames.clean_up_chunk),
        "cluster": by_cursor(lambda fleet: fleet.ssh.group_users.clean_up_chunk),
        "ssh_revocation": Task(lambda fleet, message: fleet.ssh.revoking.chunk(message)),
    },
    counted=(
        Counted(USERNAMES, USERNAME_TOTALS),
        Counted(KEYS, KEY_TOTALS),
        Counted(GROUP_USERS, GROUP_USER_TOTALS),
    ),
    grants={
        "api_handler": Grants(
            tables={
                "ssh_usernames": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                "ssh_public_keys": GET | BATCH_GET | QUERY | PUT | DELETE,
                "ssh_attempts": BATCH_GET | UPDATE,
                "ssh_group_users": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
                "ssh_revocations": BATCH_GET | UPDATE,
            }
        ),
        "clean_up": Grants(
            tables={
                "ssh_usernames": GET | BATCH_GET | QUERY | UPDATE | DELETE,
                "ssh_public_keys": GET | QUERY | DELETE,
                "ssh_group_users": BATCH_GET | QUERY | UPDATE | DELETE,
                "ssh_revocations": GET,
            }
        ),
        "recount": Grants(tables={"ssh_usernames": QUERY, "ssh_public_keys": QUERY, "ssh_group_users": QUERY}),
    },
)
