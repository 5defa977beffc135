"""The caller of an operation, however it has identified itself, and the decision what it may do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from chalicelib.kit.ids import is_id
from chalicelib.platform.access.permissions import KeyRole, Permission
from chalicelib.platform.access.policy_rules import Effect, Statement, evaluated

DEFAULT_TENANT = "default"
"""The tenant of the operator of this installation."""


class PrincipalKind(StrEnum):
    """How a principal has identified itself."""

    ROOT = "root"
    """A key of the settings that may do everything, or anyone where authentication is turned off."""
    METRICS = "metrics"
    """METRICS_KEY."""
    KEY = "key"
    """A named key."""
    SESSION = "session"
    """A user of a tenant, by the token of a session."""
    USER = "user"
    """A user of a tenant, by its password or by a token of a mail."""
    SERVICE_ACCOUNT = "service_account"
    """A program of a tenant, by a token for its credentials."""
    NODE = "node"
    """An agent, by the token of its node."""
    ANONYMOUS = "anonymous"
    """Any caller of an operation that needs no credentials."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The caller of an operation.

    ``actor`` is its name in logs and in ``changed_by``, which never changes: `MASTER_KEY`, `key:<id>`, `session:<id>`,
    `node:<id>`; "" for anyone. ``name`` is for people. ``user`` is the id of the user that it acts for, "" for none.
    ``shown_key`` names the key of the settings that it has shown, where it is not the present value of the actor's:
    `MASTER_KEY_PREVIOUS`. ``role`` and the names in ``permissions`` say what it may do; ``restrictions``
    what its reach is limited to, as ids by the name of the restriction. No restriction: everything of its tenant.
    ``outputs``: whether it may read outputs and texts of commands. ``reveals``: whether its permissions to read
    secrets hold in this request. ``requests_per_minute``: its limit, None for the
    default. ``expires_at`` (seconds text): when it is no longer accepted, None for never. ``statements`` are those of
    all policies that concern it. ``has_own_rights``: whether those of its user are limited by rights of its own.
    ``is_guest``: whether another family has said who it is.
    ``is_operator``: whether it is the operator's and works in a tenant.
    """

    kind: PrincipalKind
    actor: str = ""
    id: str = ""
    name: str = ""
    user: str = ""
    shown_key: str = ""
    tenant: str = DEFAULT_TENANT
    role: KeyRole | None = None
    permissions: frozenset[str] = frozenset()
    restrictions: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    outputs: bool = True
    reveals: bool = True
    requests_per_minute: int | None = None
    expires_at: str | None = None
    statements: tuple[Statement, ...] = ()
    has_own_rights: bool = False
    is_guest: bool = False
    is_operator: bool = False

    @property
    def owner(self) -> str:
        """The owner of what it makes: its user, or itself."""
        return self.user or self.id

    def has(self, permission: Permission) -> bool:
        """Whether its role or its list contains the permission."""
        if permission.name.endswith(":reveal") and not self.reveals:
            return False
        by_role = self.role is not None and self.role.contains(permission.role)
        return by_role or permission.name in self.permissions


def known_by(actor: str) -> tuple[PrincipalKind, str]:
    """The kind and the id of the principal with this actor. Raises ValueError for a kind that there is not."""
    kind, separator, principal_id = actor.partition(":")
    return (PrincipalKind(kind), principal_id) if separator else (PrincipalKind.ROOT, actor)


ANONYMOUS = Principal(kind=PrincipalKind.ANONYMOUS)


def root(actor: str) -> Principal:
    """A holder of a key of the settings, which may do everything. "" where authentication is turned off."""
    return Principal(kind=PrincipalKind.ROOT, actor=actor, id=actor, name=actor, role=KeyRole.ADMIN)


class Scope(StrEnum):
    """The owner of an operation's resource."""

    INSTALLATION = "installation"
    """The whole installation: refused to principals with restrictions."""
    REACH = "reach"
    """Something that principals may be restricted to: the view passes the principal's reach on to what it calls."""
    TENANT = "tenant"
    """Something of the caller's tenant: the view passes the tenant on, and nothing else can be addressed."""


@dataclass(frozen=True)
class Resource:
    """The resource of one request. ``name`` is its path below the version of the API, with ids: `nodes/0198…`; ``id``
    the first of these, "" for none."""

    name: str
    scope: Scope
    id: str = ""


@dataclass(frozen=True)
class Decision:
    """``refusal`` says, to the caller, why this is refused; "" if it is allowed."""

    refusal: str = ""

    @property
    def is_allowed(self) -> bool:
        return not self.refusal


_ALLOWED = Decision()

Facts = Mapping[str, str]
"""Further facts about a request that a decision may depend on: ``address`` of the caller, ``time`` (seconds text)."""


def decide(principal: Principal, action: Permission, resource: Resource, facts: Facts) -> Decision:
    """Whether the principal may do this. A restricted principal is refused what belongs to the whole installation or
    tenant, and a principal of any other tenant than the operator's what belongs to the installation, but for things
    that it is restricted to. Things outside of its reach or its tenant are not decided here: they cannot be addressed.
    A policy that denies it wins; one that allows it counts like the permission. Here a thing has the text by which the
    request names it; what it is then found to be, `denials` looks at."""
    known = values_of(principal, facts)
    effect = _effect_of_policies(principal, action, resource, known)
    if effect is Effect.DENY:
        return denies(action.name)
    is_hidden = action.name.endswith(":reveal") and not principal.reveals
    if is_hidden or (effect is None and not principal.has(action)):
        return Decision(f"This key lacks the permission {action.name}")
    if principal.restrictions and resource.scope is not Scope.REACH:
        return Decision(f"A key restricted to {', '.join(sorted(principal.restrictions))} cannot do this")
    is_reached = resource.scope is Scope.REACH and bool(principal.restrictions)
    if principal.tenant != DEFAULT_TENANT and resource.scope is not Scope.TENANT and not is_reached:
        return Decision("Only the operator of this installation can do this")
    return _ALLOWED


def values_of(principal: Principal, facts: Facts) -> Facts:
    """The values of the keys of conditions."""
    known = {
        "thecloud:TenantId": principal.tenant,
        "aws:UserId": principal.user,
        "aws:SourceIp": facts.get("address", ""),
        "aws:CurrentTime": facts.get("time", ""),
    }
    return {key: value for key, value in known.items() if value}


def denies(action: str) -> Decision:
    """The decision where a policy denies the action of that name."""
    return Decision(f"A policy denies {action}")


def names_of(action: str, tenant: str, text: str) -> tuple[str, ...]:
    """The texts by which policies name a thing, of which ``text`` is the id, in any letter case, or a name: its ARN,
    ``kind:text`` and the text. Its kind is that of the action; a collection has the id ``*``."""
    kind = action.partition(":")[0]
    one = text.lower() if is_id(text) else text
    return f"arn:thecloud:{kind}:local:{tenant}:{kind}/{one}", f"{kind}:{one}", one


def _effect_of_policies(principal: Principal, action: Permission, resource: Resource, known: Facts) -> Effect | None:
    """The effect of the principal's policies."""
    if not principal.statements:
        return None
    names = names_of(action.name, principal.tenant, resource.id or "*")
    return evaluated(principal.statements, action.name, names, known)
