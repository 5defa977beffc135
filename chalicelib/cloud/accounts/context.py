"""Declares the context `accounts`: its tables, and the permissions of functions on them."""

from chalicelib.cloud.accounts.store import LOGIN_TRIES, PASSWORDS
from chalicelib.platform.context import BATCH_GET, DELETE, GET, PUT, UPDATE, Context, Grants

CONTEXT = Context(
    name="accounts",
    tables=(PASSWORDS, LOGIN_TRIES),
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
        "clean_up": Grants(tables={"passwords": BATCH_GET | UPDATE}),
    },
)
