"""Rows of passwords, and of failed tries to log in: keys and attribute names."""

from datetime import datetime

from chalicelib.cloud.accounts.rules import FORGOTTEN_AFTER
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.crypto import digest
from chalicelib.kit.tables import Add, Delete, Exists, Item, Put, Ref, Set, Table, Update, Value, put_new

PASSWORDS = Table("passwords", partition="id")
"""By the id of the user. The hash is sealed too: a reader of the table cannot try guesses."""

LOGIN_TRIES = Table("login_tries", partition="account", expires_at="expires_epoch")
"""Failures by account, known or not, since the last success. An account is the digest of its address."""


def account_of(email: str) -> str:
    """The account of a mail address."""
    return digest(email)


def password_ref(user_id: str) -> Ref:
    """The row with the password of a user."""
    return Ref(PASSWORDS, {"id": user_id})


def tries_ref(email: str) -> Ref:
    """The row with the failures of an account."""
    return Ref(LOGIN_TRIES, {"account": account_of(email)})


def put_password(user_id: str, sealed: bytes, now: datetime) -> Put:
    """The password of a new user."""
    return put_new(PASSWORDS, {"id": user_id, "hash_sealed": sealed, "updated_at": to_seconds_text(now)})


def change_password(user_id: str, sealed: bytes, address: str, now: datetime) -> Update:
    """Another password; a user without one gets it. All addresses are unknown from then on, but for the one with this
    digest."""
    known: list[Value] = [address]
    changes = (Set("hash_sealed", sealed), Set("addresses", known), Set("updated_at", to_seconds_text(now)))
    return Update(PASSWORDS, {"id": user_id}, changes)


def know_addresses(user_id: str, addresses: list[str]) -> Update:
    """The digests of the addresses from which the user has logged in lately; fails if there is no such user."""
    listed: list[Value] = [*addresses]
    return Update(PASSWORDS, {"id": user_id}, (Set("addresses", listed),), Exists("id"))


def forget_password(user_id: str) -> Delete:
    """The user has no password any more."""
    return Delete(PASSWORDS, {"id": user_id})


def count_failure(email: str, open_at: datetime, now: datetime) -> Update:
    """One more failure of an account, which takes its next try at that time."""
    changes = (
        Add("failures", 1),
        Set("open_at", to_seconds_text(open_at)),
        Set("expires_epoch", int((now + FORGOTTEN_AFTER).timestamp())),
    )
    return Update(LOGIN_TRIES, {"account": account_of(email)}, changes)


def forget_failures(email: str) -> Delete:
    """The account has none."""
    return Delete(LOGIN_TRIES, {"account": account_of(email)})


def failures_in(row: Item | None, now: datetime) -> tuple[int, str]:
    """The failures of an account that still count, and when it takes a try (seconds text)."""
    if row is None or int(str(row["expires_epoch"])) <= now.timestamp():
        return 0, ""
    return int(str(row["failures"])), str(row["open_at"])


def addresses_in(row: Item | None) -> list[str]:
    """The digests of the addresses that a user has logged in from lately, the newest first."""
    addresses = (row or {}).get("addresses")
    return [str(each) for each in addresses] if isinstance(addresses, list) else []
