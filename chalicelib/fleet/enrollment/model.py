"""Keys, what verifying one answers, and what a registration token gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypedDict

from pydantic import BaseModel, Field

from chalicelib.kit.tables import Check, Item, Ref, Update

NAME_MAX_LENGTH = 255

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
    NODE_REMOVED = "node_removed"
    NODE_BLOCKED = "node_blocked"

    @property
    def event_result(self) -> str:
        """What the event says: the contract's events know no machine that is kept out."""
        is_kept_out = self in {Outcome.NODE_REMOVED, Outcome.NODE_BLOCKED}
        return Outcome.INVALID_KEY.value if is_kept_out else self.value


@dataclass(frozen=True)
class Standing:
    """What is known of a machine that presents a key under a node's id. ``refuses`` tells of a key's id whether the
    machine was deleted since it was made. ``unused_key_id`` is the key that its node was made with, as long as that
    node's token was never used: the machine may not have got the answer."""

    is_blocked: bool
    refuses: Callable[[str], bool]
    unused_key_id: str | None


class Machines(Protocol):
    """What enrolment asks of those who know nodes. The rows are read together with the key's."""

    def refs(self, node_id: str) -> Sequence[Ref]:
        """The rows that tell how a machine stands."""
        ...

    def standing(self, rows: Sequence[Item | None]) -> Standing:
        """Of the rows of `refs`, in their order."""
        ...


NOBODY = Standing(is_blocked=False, refuses=lambda _key_id: False, unused_key_id=None)
"""A machine that does not say who it is."""


@dataclass(frozen=True)
class Verification:
    """``error`` is empty when verified; the other two are empty when not."""

    verified: bool
    error: str
    registration_token: str = field(repr=False)
    network_name: str


@dataclass(frozen=True)
class Redemption:
    """A registration token that is good for this node. ``write`` binds it to the node: commit it with the node's row,
    and with ``check``, that the enrollment key is still there.

    ``already_bound`` tells that a committed registration of this very node has used the token before. ``key_id`` is the
    enrollment key that the token was given for.
    """

    key_id: str
    cluster_id: str
    cluster_name: str
    already_bound: bool
    write: Update
    check: Check


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
