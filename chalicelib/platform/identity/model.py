"""Tenants, users, their sessions, and the codes that prove an address."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, Field

from chalicelib.kit.crypto import Secret
from chalicelib.platform.access.model import ShownKey
from chalicelib.platform.access.principal import DEFAULT_TENANT


class TenantFacts(BaseModel, frozen=True):
    """The facts about a tenant that decide what its principals may have made. ``tier`` is a tier of the catalogue;
    ``clusters`` are the names of the clusters that its machines may join, None for any. ``granted`` are the quotas that
    the operator has granted, by feature; None for a tenant that has those of its tier alone."""

    id: str
    name: str
    tier: str
    clusters: frozenset[str] | None = frozenset()
    granted: dict[str, int] | None = None

    def may_use(self, cluster_name: str) -> bool:
        """Whether its machines may join that cluster."""
        return self.clusters is None or cluster_name in self.clusters

    def limit_of(self, quota: str, of_tier: int) -> int:
        """How many of a quota, `<service>.<feature>`, it may have: no more than its tier says, and than was granted."""
        return of_tier if self.granted is None else min(of_tier, self.granted.get(quota.partition(".")[2], 0))


OPERATOR_TIER = "operator"
"""The tier of the operator's own tenant, until it is given another."""


def facts_without_a_row(tenant_id: str, tier: str) -> TenantFacts:
    """The facts of a tenant that has no row. The operator's has a tier of its own, and may use any cluster."""
    if tenant_id == DEFAULT_TENANT:
        return TenantFacts(id=tenant_id, name=tenant_id, tier=OPERATOR_TIER, clusters=None)
    return TenantFacts(id=tenant_id, name=tenant_id, tier=tier, clusters=frozenset())


class User(BaseModel, frozen=True):
    """A user. ``tenant`` is the one that its sessions work in, and its keys where a request names no other; ``tenants``
    are all in which it has a place, empty for that one alone.
    ``tenant`` is empty for a user without a place. ``email`` is in lower case. Times are seconds text."""

    id: str
    email: str
    alias: str
    full_name: str
    tenant: str
    tenants: tuple[str, ...] = ()
    inserted_at: str
    updated_at: str
    version: int = 0

    @property
    def member_of(self) -> tuple[str, ...]:
        """The tenants of which it is a member."""
        return self.tenants or tuple(filter(None, (self.tenant,)))


class Member(BaseModel, frozen=True):
    """The membership of a user in a tenant: its ``role`` there, and the ids of the ``policies`` that are attached to
    it. Times are seconds text."""

    tenant: str
    user_id: str
    role: str
    policies: tuple[str, ...] = ()
    inserted_at: str
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class NewUser:
    """A user, as it asks to be registered."""

    email: str
    full_name: str
    alias: str


@dataclass(frozen=True, kw_only=True)
class Client:
    """The program that a session belongs to, as its first request told it."""

    ip: str
    user_agent: str
    kind: str


class Session(BaseModel, frozen=True):
    """A session of a user, who works in ``tenant``. ``name`` is the user's, for people. Times are seconds text. Its
    token is accepted once the session is ``verified``, until it expires or is revoked; the token is stored as its HMAC
    under ``hash_key_sealed``, a key of this row alone."""

    id: str
    user_id: str
    tenant: str
    name: str
    kind: str
    ip: str
    user_agent: str
    verified: bool = False
    expires_at: str
    revoked_at: str | None = None
    inserted_at: str
    updated_at: str
    hash_key_sealed: bytes = Field(repr=False)
    secret_hash: str = Field(repr=False)


class Subject(StrEnum):
    """The purpose of a code or a token."""

    SESSION = "session"
    KEY = "api_key"
    REGISTRATION = "registration"
    """A token: proves the address of somebody who wants to become a user."""
    PASSWORD = "password"  # noqa: S105 - the name of a purpose
    """A token: lets a user set another password."""
    INVITATION = "invitation"
    """A token: lets its holder take a place in a tenant."""


class Verification(BaseModel, frozen=True):
    """A code that was asked for, which verifies the row ``subject_id`` alone. It was mailed to ``address``; None for a
    code that no mail was written for, which is never right. ``tries`` counts the codes that were offered. The code is
    sealed, and taken out once it was used. In place of a code there may be a token, from which the id follows, and with
    it a sealed ``detail`` of what it is for."""

    id: str
    subject: Subject
    subject_id: str
    address: str | None = None
    tries: int = 0
    inserted_at: str
    expires_at: str
    used_at: str | None = None
    mailed_at: str | None = None
    code_sealed: bytes | None = Field(None, repr=False)
    detail_sealed: bytes | None = Field(None, repr=False)


@dataclass(frozen=True)
class StartedSession:
    """A new session with its token, which is shown this once, and the id of the code that verifies it."""

    session: Session
    token: Secret
    verification_id: str


@dataclass(frozen=True)
class NewKeyPair:
    """A new key pair, whose secret is shown this once. ``verification_id`` is None where no code is needed."""

    shown: ShownKey
    verification_id: str | None
