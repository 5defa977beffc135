"""The decision about a login: the accounts that it may be for, and the credentials of them that count. Pure."""

import hmac
from collections.abc import Sequence
from typing import Protocol, TypeVar

from chalicelib.fleet.ssh.model import OpenSession


class _Key(Protocol):
    @property
    def fingerprint(self) -> str: ...
    @property
    def inserted_at(self) -> str: ...


class Account(Protocol):
    """A user name of a node or of a group, with its credentials."""

    @property
    def id(self) -> str: ...
    @property
    def password_hash(self) -> str | None: ...
    @property
    def public_keys(self) -> Sequence[_Key]: ...
    @property
    def inserted_at(self) -> str: ...


A = TypeVar("A", bound=Account)


def still_good(accounts: Sequence[A], revoked_at: str) -> list[A]:
    """The accounts that were made after access was taken away; an empty text: it never was."""
    return [account for account in accounts if account.inserted_at > revoked_at]


def with_password(accounts: Sequence[A]) -> A | None:
    """The account whose password counts: the first that has one. Accounts stand from the narrowest to the widest, so
    that a node's own password replaces that of its cluster. Only one is ever compared: each costs a quarter of a
    second."""
    return next((account for account in accounts if account.password_hash is not None), None)


def with_key(accounts: Sequence[A], fingerprint: str, revoked_at: str) -> A | None:
    """The first account that has the key and was given it after access with it was taken away. All keys are compared,
    also those after the matching one."""
    offered = fingerprint.encode()
    matches = [
        account
        for account in accounts
        for key in account.public_keys
        if hmac.compare_digest(offered, key.fingerprint.encode()) and key.inserted_at > revoked_at
    ]
    return matches[0] if matches else None


def still_in(session: OpenSession, accounts: Sequence[Account], name_revoked_at: str, key_revoked_at: str) -> bool:
    """Whether an open session may go on: access was not taken away in the second of the login or later, and its user
    has the key still, or a password since before the login. A replaced password ends no session: the rows do
    not tell which one it was."""
    if session.checked_at <= max(name_revoked_at, key_revoked_at):
        return False
    good = still_good(accounts, name_revoked_at)
    if session.fingerprint is not None:
        return with_key(good, session.fingerprint, key_revoked_at) is not None
    account = with_password(good)
    return account is not None and account.inserted_at <= session.checked_at
