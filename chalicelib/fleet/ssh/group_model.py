"""Users of groups of nodes, and the loss of access."""

from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel, Field

from chalicelib.fleet.ssh.model import NewKey
from chalicelib.kit.crypto import Secret

SORTABLE_GROUP_USERS = frozenset({"username", "inserted_at", "updated_at"})
"""The fields by which the list can be sorted."""


class Group(NamedTuple):
    """The nodes that a user may log in to: those of a cluster (by its id), or those with a label (``env:prod``)."""

    cluster_id: str | None = None
    label: str | None = None

    @property
    def key(self) -> str:
        """The group in keys of rows: ``cluster#ID`` or ``label#env:prod``."""
        return f"label#{self.label}" if self.cluster_id is None else f"cluster#{self.cluster_id}"


class GroupKey(BaseModel, frozen=True):
    """A public key of a user of a group."""

    key_name: str
    public_key: str
    fingerprint: str
    inserted_at: str


class GroupUser(BaseModel, frozen=True):
    """A user name of a group, with its credentials. ``cluster_name`` is of the cluster that the group is, if it is one.
    ``last_verified_at`` is up to a minute late."""

    id: str
    group: str
    cluster_id: str | None = None
    cluster_name: str | None = None
    label: str | None = None
    username: str
    password_hash: str | None = Field(default=None, repr=False)
    public_keys: tuple[GroupKey, ...] = ()
    last_verified_at: str | None = None
    inserted_at: str
    updated_at: str
    version: int = 0

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None


@dataclass(frozen=True)
class NewGroupUser:
    """A user of a group as an operator gives it. One of ``cluster_name`` and ``label`` is given."""

    username: str
    cluster_name: str | None = None
    label: str | None = None
    password: Secret | None = None
    public_keys: tuple[NewKey, ...] = ()


@dataclass(frozen=True)
class Credentials:
    """New credentials of a user. ``public_keys`` None leaves its keys; ``password`` None takes its password away,
    unless ``keeps_password``."""

    public_keys: tuple[NewKey, ...] | None = None
    password: Secret | None = None
    keeps_password: bool = True


class Person(NamedTuple):
    """The person who loses access: all accounts of a user name, or all logins with the key of a fingerprint."""

    username: str | None = None
    fingerprint: str | None = None

    @property
    def key(self) -> str:
        """The person in keys of rows: ``name#ada`` or ``key#SHA256:…``."""
        return f"key#{self.fingerprint}" if self.username is None else f"name#{self.username}"

    @classmethod
    def of_key(cls, key: str) -> "Person":
        kind, _, value = key.partition("#")
        return cls(username=value) if kind == "name" else cls(fingerprint=value)


FINGERPRINT_PATTERN = r"^SHA256:[A-Za-z0-9+/]{43}$"
