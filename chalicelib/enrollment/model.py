"""Keys, what verifying one answers, and what a registration token gives."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from pydantic import BaseModel, Field

from chalicelib.kit.tables import Update

NAME_MAX_LENGTH = 255
USES_MAX = 2**31 - 1
"""The contract's integers have 32 bits."""

SORTABLE = frozenset({"name", "uses_remaining", "expired_at", "last_used_at", "inserted_at", "updated_at"})
"""What a list of keys may be ordered by."""


class EnrollmentKey(BaseModel, frozen=True):
    """``uses_remaining`` None means unlimited, ``expired_at`` None means never. Times are seconds text.

    The key itself is held as a digest and sealed; neither can be printed by accident.
    """

    id: str
    cluster_id: str
    cluster_name: str
    name: str | None = None
    uses_remaining: int | None = None
    expired_at: str | None = None
    last_used_at: str | None = None
    inserted_at: str
    updated_at: str
    version: int
    key_digest: str = Field(repr=False)
    key_sealed: bytes = Field(repr=False)


class KeyChanges(TypedDict, total=False):
    """What an operator sets on a key: a name that is missing stays as it is, None clears. Times are seconds text."""

    name: str | None
    uses_remaining: int | None
    expired_at: str | None


class Outcome(StrEnum):
    """What became of a verification. The values are the public ones."""

    VERIFIED = "verified"
    INVALID_KEY = "invalid_key"
    KEY_EXPIRED = "key_expired"
    KEY_SPENT = "key_spent"
    NODE_LIMIT_REACHED = "node_limit_reached"


@dataclass(frozen=True)
class Verification:
    """``error`` is empty when verified; the other two are empty when not."""

    verified: bool
    error: str
    registration_token: str = field(repr=False)
    network_name: str


@dataclass(frozen=True)
class Redemption:
    """A registration token that is good for this node. ``write`` binds it to the node: commit it with the node's row.

    ``already_bound`` tells that a committed registration of this very node has used the token before. ``key_id`` is the
    enrollment key that the token was given for.
    """

    key_id: str
    cluster_id: str
    cluster_name: str
    already_bound: bool
    write: Update


class RegistrationToken(BaseModel, frozen=True):
    """What a token leads to; ``id`` is its digest. ``verified_for`` is the node that asked for it, if it said who it
    is; ``node_id`` the one that has registered with it. Times are seconds text."""

    id: str = Field(repr=False)
    key_id: str
    cluster_id: str
    cluster_name: str
    verified_for: str | None = None
    node_id: str | None = None
    expires_at: str
