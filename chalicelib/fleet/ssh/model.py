"""The models of user names on nodes, their public keys, and presented credentials."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, Field

from chalicelib.kit.crypto import Secret

USERNAME_PATTERN = r"^[a-z_][a-z0-9_-]*$"
USERNAME_MIN_LENGTH = 3
USERNAME_MAX_LENGTH = 32
PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 128
KEY_NAME_MAX_LENGTH = 255

KEYS_MAX = 50
"""Keys of one user name. They stand on its row: at most `rules.KEY_MAX_BYTES` each, 260 of DynamoDB's 400 KB."""

SORTABLE_USERNAMES = frozenset({"username", "inserted_at", "updated_at"})
SORTABLE_KEYS = frozenset({"key_name", "inserted_at", "updated_at"})
"""The fields by which the two lists can be sorted."""


class SshPublicKey(BaseModel, frozen=True):
    """A key as it was given, never changed. ``fingerprint`` is ``SHA256:…`` as OpenSSH prints it."""

    id: str
    ssh_username_id: str
    node_id: str
    username: str
    key_name: str
    public_key: str
    fingerprint: str
    inserted_at: str
    updated_at: str


class SshUsername(BaseModel, frozen=True):
    """A user name of one node, with its keys in the order in which they were added.

    ``node_inserted_at`` is when the node enrolled: what belonged to one that was deleted is worth nothing to a machine
    that enrols under the same id again. ``last_verified_at`` is up to a minute late. ``write_id`` names the row's last
    write: a change is made to the row that was read, and no other of the same id.
    """

    id: str
    node_id: str
    node_inserted_at: str
    username: str
    password_hash: str | None = Field(default=None, repr=False)
    public_keys: tuple[SshPublicKey, ...] = ()
    last_verified_at: str | None = None
    inserted_at: str
    updated_at: str
    write_id: str = ""

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None


@dataclass(frozen=True)
class NewKey:
    """A key as an operator gives it, not yet checked."""

    key_name: str
    public_key: str


@dataclass(frozen=True)
class NewUsername:
    """A user name as an operator gives it; its name and password are of the right form."""

    username: str
    password: Secret | None = None
    public_keys: tuple[NewKey, ...] = ()


class AuthMethod(StrEnum):
    """The kind of a credential. The values are public."""

    PASSWORD = "password"  # noqa: S105 - a kind, not a secret
    PUBLIC_KEY = "public_key"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class OpenSession:
    """A session on a node, as its agent tells of it. ``fingerprint`` is that of the key which let its user in; None: a
    password did. ``checked_at`` (seconds text) is when the credentials were found good."""

    id: str
    username: str
    fingerprint: str | None
    checked_at: str


@dataclass(frozen=True)
class Credential:
    """The credential that a client presents for ``username``."""

    username: str
    method: AuthMethod
    secret: Secret
