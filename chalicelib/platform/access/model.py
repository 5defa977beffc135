"""The models of named keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from pydantic import BaseModel, Field

from chalicelib.kit.crypto import Secret
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import DEFAULT_TENANT

CREATED = "api_key.created"
"""The operation that makes keys."""

SORTABLE = frozenset({"name", "expires_at", "last_used_at", "revoked_at", "inserted_at", "updated_at"})
"""The fields by which a list of keys can be sorted."""

USE_NOTED_EVERY = timedelta(minutes=1)
"""How often the use of a key is written down, at most."""

Restrictions = Mapping[str, Mapping[str, str]]
"""The name of a restriction (``clusters``) to the ids that the key may reach, each with its name for people."""


class PreviousHash(BaseModel, frozen=True):
    """The hash of a secret that was replaced. ``until`` (seconds text) is when the secret is no longer accepted."""

    hash: str = Field(repr=False)
    until: str


class ApiKey(BaseModel, frozen=True):
    """A named key. Either ``role`` or ``permissions`` says what it may do; ``restrictions`` and ``outputs`` limit what
    it reaches and reads. ``requests_per_minute`` None: the default limit. Times are seconds text, ``expires_at`` None
    means never. A key that was made as a key pair has an ``owner``, under whom it is listed; ``user`` is the id of the
    user that it acts for, and until the code that was mailed to that user has come back it is not ``verified``. With
    ``is_short`` it is a key of a user in the short form, without rights of its own: what it may do follows at each
    request from the places that its user has in tenants.

    The secret is stored as its HMAC under ``hash_key_sealed``, a key of this row alone; the latest in ``secret_hash``,
    replaced ones that are still accepted in ``previous``, the newest first.
    """

    id: str
    name: str
    role: KeyRole | None = None
    permissions: tuple[str, ...] = ()
    restrictions: dict[str, dict[str, str]] = Field(default_factory=dict)
    outputs: bool = True
    requests_per_minute: int | None = None
    tenant: str = DEFAULT_TENANT
    user: str | None = None
    owner: str | None = None
    verified: bool = True
    is_short: bool = False
    expires_at: str | None = None
    last_used_at: str | None = None
    revoked_at: str | None = None
    inserted_at: str
    updated_at: str
    version: int = 0
    hash_key_sealed: bytes = Field(repr=False)
    secret_hash: str = Field(repr=False)
    previous: tuple[PreviousHash, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NewApiKey:
    """A new key, as its maker requests it. ``user``, ``owner`` and ``verified`` as in `ApiKey`."""

    name: str
    role: KeyRole | None = None
    permissions: tuple[str, ...] = ()
    restrictions: Restrictions
    outputs: bool = True
    requests_per_minute: int | None = None
    expires_at: datetime | None = None
    user: str | None = None
    owner: str | None = None
    verified: bool = True


class KeyChanges(TypedDict, total=False):
    """The changes of a key: a missing field stays unchanged; ``expires_at`` None: never."""

    name: str
    expires_at: datetime | None


@dataclass(frozen=True)
class ShownKey:
    """A key with its text, which is shown this once."""

    key: ApiKey
    text: Secret
