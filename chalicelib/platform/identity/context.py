"""Declares the context `identity`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import BATCH_GET, GET, UPDATE, Context, Grants
from chalicelib.platform.identity.changes import on_change
from chalicelib.platform.identity.session_store import SESSIONS
from chalicelib.platform.identity.tenant_store import TENANTS
from chalicelib.platform.identity.user_store import ADDRESSES, MEMBERS, USERS
from chalicelib.platform.identity.verification_store import VERIFICATIONS

CONTEXT = Context(
    name="identity",
    tables=(TENANTS, USERS, ADDRESSES, MEMBERS, SESSIONS, VERIFICATIONS),
    sealed={SESSIONS: ("hash_key_sealed",), VERIFICATIONS: ("code_sealed", "detail_sealed")},
    on_change=on_change,
    grants={
        "send_mails": Grants(tables={"verifications": GET | UPDATE, "data_keys": GET}, decrypts=True),
        "clean_up": Grants(tables={"sessions": BATCH_GET | UPDATE, "verifications": BATCH_GET | UPDATE}),
    },
)
