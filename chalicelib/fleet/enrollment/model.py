"""Keys, what verifying one answers, and what a registration token gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, TypedDict

from pydantic import BaseModel, Field

from chalicelib.kit.tables import Check, Item, Ref, Update

NAME_MAX_LENGTH = 255

KEY_KEPT = timedelta(days=1)
"""How long an expired key can still be read that no operator has made."""

SORTABLE = frozenset({"name", "uses_remaining", "expired_at", "last_used_at", "inserted_at", "updated_at"})
"""The fields by which a list of keys can be sorted."""


class EnrollmentKey(BaseModel, frozen=True):
    """``uses_remaining`` None means unlimited, ``expired_at`` None means never. ``labels`` are given to the
    nodes that enrol with it. Times are seconds text.

    The key itself is held as a digest and sealed; neither can be printed by accident.
    """

    id: str
    cluster_id: str
    cluster_name: str
    name: str | None = None
    labels: Mapping[str, str] = Field(default_factory=dict)
    uses_remaining: int | None = None
    expired_at: str | None = None
    last_used_at: str | None = None
    inserted_at: str
    updated_at: str
    version: int
    key_digest: str = Field(repr=False)
    key_sealed: bytes = Field(repr=False)


class KeyChanges(TypedDict, total=False):
    """The changes of a key by an operator: a missing field stays unchanged, None clears it. Times are seconds text."""

    name: str | None
    labels: Mapping[str, str]
    uses_remaining: int | None
    expired_at: str | None


class Outcome(StrEnum):
    """The outcome of a verification. The values are public. The last is told by an event alone: the machine is
    answered that the service is unavailable."""

    VERIFIED = "verified"
    INVALID_KEY = "invalid_key"
    KEY_EXPIRED = "key_expired"
    KEY_SPENT = "key_spent"
    NODE_LIMIT_REACHED = "node_limit_reached"
    NODE_REMOVED = "node_removed"
    NODE_BLOCKED = "node_blocked"
    VPN_KEY_UNAVAILABLE = "vpn_enrollment_key_unavailable"

    @property
    def event_result(self) -> str:
        """The outcome in the event: the contract's events have no value for a blocked machine."""
        is_kept_out = self in {Outcome.NODE_REMOVED, Outcome.NODE_BLOCKED}
        return Outcome.INVALID_KEY.value if is_kept_out else self.value


@dataclass(frozen=True)
class Standing:
    """The known facts about a machine that presents a key under a node's id. ``refuses`` says whether the machine was
    deleted since the key with an id was created. ``unused_key_id`` is the key with which its node was created, as long
    as that node's token was never used: the answer may have been lost."""

    is_blocked: bool
    refuses: Callable[[str], bool]
    unused_key_id: str | None


class Machines(Protocol):
    """The port through which enrolment reads nodes. The rows are read together with the key's."""

    def refs(self, node_id: str) -> Sequence[Ref]:
        """The rows that tell how a machine stands."""
        ...

    def standing(self, rows: Sequence[Item | None]) -> Standing:
        """The machine's standing from the rows of `refs`, in their order."""
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
    enrollment key that the token was given for, ``labels`` are those that it gives.
    """

    key_id: str
    cluster_id: str
    cluster_name: str
    labels: Mapping[str, str]
    already_bound: bool
    write: Update
    check: Check


class RegistrationToken(BaseModel, frozen=True):
    """A registration token; ``id`` is its digest. ``verified_for`` is the node that requested it, if it gave its id;
    ``node_id`` the one that has registered with it. Times are seconds text."""

    id: str = Field(repr=False)
    key_id: str
    cluster_id: str
    cluster_name: str
    labels: Mapping[str, str] = Field(default_factory=dict)
    verified_for: str | None = None
    node_id: str | None = None
    expires_at: str
