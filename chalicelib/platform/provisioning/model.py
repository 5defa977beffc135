"""A resource: the row that says what shall exist outside, and what was last seen of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


class Desired(StrEnum):
    """Whether the thing shall exist. Once absent it stays so."""

    PRESENT = "present"
    ABSENT = "absent"


class Power(StrEnum):
    """The power state of kinds that have one."""

    ON = "on"
    OFF = "off"


class State(StrEnum):
    """The stage of a resource's life."""

    PENDING = "pending"
    """The row is there; the provider has not been asked yet, or may not have been."""
    CREATING = "creating"
    """The provider has accepted it; it is not ready."""
    READY = "ready"
    """It is as the row wants it."""
    CHANGING = "changing"
    """A change is under way: of its power, its specification, or an act."""
    DELETING = "deleting"
    """It shall go, and may still be there."""
    GONE = "gone"
    """It is not there any more, and its quota is returned. The row stays readable for a while."""
    FAILED = "failed"
    """It did not become, or did not stay, as the row wants it; ``reason`` says why and what helps. While a thing is
    there it is looked at, and ready again if that is mended; a failed one can always be deleted."""


class Resource(BaseModel, frozen=True):
    """A resource of a tenant. Times are seconds text.

    - ``kind`` names its `ports.Kind`; ``owner`` is the id of the principal that made it.
    - ``spec`` is what its maker asked for, as JSON. ``desired``, ``power`` and ``act`` (the name of a one-off act, such
      as a restart, "" for none) belong to ``generation``, which grows with each change that a caller makes;
      ``done_generation`` is the newest one that has been carried out.
    - ``external`` holds the provider's ids, ``observed`` what was last seen of it (addresses, power).
    - ``attempts`` counts tries in a row of the step that it is at. ``due_at`` is when a worker looks at it again,
      ``deadline_at`` when the step has failed for good; None for a resource that needs no work.
    - ``leased_until`` is set while a worker asks the provider: no other touches the resource before.
    - ``asked_at`` is when its provider was last asked to create it; None if nothing can have been made.
      ``asked_generation`` is the newest generation that the provider has taken on, ``begun_generation`` the newest that
      it was asked to change to: while that is newer, it is not known whether it has. ``is_seen``: the thing has been
      seen; ``misses`` counts looks since then that did not find it. ``is_broken``: its provider said last that it
      cannot be used. ``is_going``: it showed last that it is being removed, or was asked to remove it and has not
      refused, so that it may be gone.
    - ``hidden`` is for its driver alone, such as an address with a signature: no caller sees it, and no event has it.
    - ``parents`` are the ids of resources that it refers to, ``sources`` those that its thing is made from, to which it
      refers until its provider has made it; ``references`` counts those that refer to it.
    - ``claims`` are the names that it alone holds in its tenant (`provisioning.claim_store`).
    - ``is_public``: other tenants may see it once its thing is there; what that means is its kind's to say.
    - ``quota`` is the name of the quota that it takes one of, "" for none; ``shares`` is how much it takes of further
      ones. ``is_released``: the quotas, the claims and the references on parents have been returned, since nothing is
      there any more.
    """

    id: str
    tenant: str
    kind: str
    name: str
    owner: str = ""
    spec: dict[str, Any] = Field(default_factory=dict)
    hidden: str | None = Field(default=None, repr=False)
    desired: Desired = Desired.PRESENT
    power: Power | None = None
    act: str = ""
    generation: int = 1
    done_generation: int = 0
    state: State = State.PENDING
    reason: str = ""
    external: dict[str, str] = Field(default_factory=dict)
    observed: dict[str, Any] = Field(default_factory=dict)
    attempts: int = 0
    due_at: str | None = None
    deadline_at: str | None = None
    leased_until: str | None = None
    asked_at: str | None = None
    asked_generation: int = 0
    begun_generation: int = 0
    is_seen: bool = False
    misses: int = 0
    is_broken: bool = False
    is_going: bool = False
    parents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    references: int = 0
    is_public: bool = False
    quota: str = ""
    shares: dict[str, int] = Field(default_factory=dict)
    is_released: bool = False
    inserted_at: str
    updated_at: str
    expires_epoch: int | None = None
    version: int = 0

    @property
    def taken(self) -> dict[str, int]:
        """How much it takes of each quota."""
        return {**({self.quota: 1} if self.quota else {}), **self.shares}

    @property
    def referred(self) -> tuple[str, ...]:
        """The ids of all resources that it refers to now."""
        return tuple(dict.fromkeys((*self.parents, *self.sources)))

    @property
    def is_made(self) -> bool:
        """Whether its provider has told the id of its thing."""
        return "id" in self.external

    @property
    def is_at_work(self) -> bool:
        """Whether it waits for its provider."""
        return self.state in {State.PENDING, State.CREATING, State.CHANGING, State.DELETING}


SHOWN = ("state", "reason", "power", "spec", "external", "observed")
"""The fields of a resource that callers see and that may change."""


def is_shown(old: Resource, new: Resource) -> bool:
    """Whether callers see the difference."""
    return any(getattr(old, name) != getattr(new, name) for name in SHOWN)


@dataclass(frozen=True)
class Share:
    """So much of a quota, of which the tenant may have ``limit`` at a time; None: it is counted without a limit."""

    quota: str
    amount: int
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """A caller's changes of a resource. None: as it is. ``act`` is the name of an act that is carried out once;
    ``shares`` is all that it takes of quotas beside `Resource.quota` from then on. ``parents`` and ``claims`` are all
    that it shall have: those that it lacks are taken, the others given back. ``at`` has the versions of new parents on
    which it was decided: with one that has changed since, it is decided anew. ``is_note``: a new specification, with
    other shares, concerns callers alone, so its provider has nothing to do."""

    power: Power | None = None
    act: str = ""
    name: str | None = None
    spec: Mapping[str, Any] | None = None
    shares: tuple[Share, ...] | None = None
    parents: tuple[str, ...] | None = None
    claims: tuple[str, ...] | None = None
    at: Mapping[str, int] = field(default_factory=dict)
    is_note: bool = False


@dataclass(frozen=True)
class Beside:
    """Changes of another resource in the transaction that makes a new one, decided on its ``row``. They may gain
    parents and claims, and give none back."""

    row: Resource
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class NewResource:
    """A resource as its family asks for it. ``id`` is a UUIDv7 if the caller has chosen one, such as for a repeat that
    must make the same; None for a new one. ``limit`` is how many of ``quota`` the tenant may have at a time;
    ``shares`` is what it takes of further quotas.

    ``sources`` are resources that must not go before its provider has made it, such as the volume of a snapshot.
    ``claims`` are names that no other resource of the tenant may hold. ``at`` has the versions of parents on which a
    rule over their other children was decided: a parent that has changed since refuses the new one (`Resources.make`).
    ``beside`` are changes of other resources that are made with it or not at all; one of these that has changed since
    refuses it likewise.
    """

    kind: str
    name: str
    owner: str
    spec: Mapping[str, Any]
    hidden: str | None = field(default=None, repr=False)
    power: Power | None = None
    parents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    at: Mapping[str, int] = field(default_factory=dict)
    is_public: bool = False
    quota: str = ""
    limit: int | None = None
    shares: tuple[Share, ...] = ()
    beside: tuple[Beside, ...] = ()
    id: str | None = None


@dataclass(frozen=True)
class Charge:
    """The charge of a resource while it is as it is: ``units`` of a type and size that the price table has."""

    type: str
    size: str
    units: int = 1


class Seen(StrEnum):
    """The state of a thing as its provider tells it."""

    MISSING = "missing"
    """The provider knows nothing of it. A new thing may be missing for a while: descriptions lag."""
    BECOMING = "becoming"
    """It is being made, started or changed."""
    READY = "ready"
    """It is there, and on if it has a power state."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    ENDING = "ending"
    """It is being removed."""
    ENDED = "ended"
    """It is gone for good."""
    BROKEN = "broken"
    """It is there and cannot be used; the observation's ``reason`` says why."""


@dataclass(frozen=True)
class Observation:
    """A look at a resource's thing. ``external`` and ``facts`` are what the row shall note of it: the provider's ids,
    and what callers may see. ``generation`` is the newest generation that the thing itself shows as carried out, where
    a driver can tell."""

    seen: Seen
    external: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    generation: int | None = None


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """A thing at a provider that carries our tags. ``since`` is seconds text, ``price_per_hour`` a text as it is shown
    to people, "" where it is not known; ``zone`` is its zone or region."""

    tenant: str
    resource_id: str
    external_id: str
    since: str = ""
    price_per_hour: str = ""
    zone: str = ""
