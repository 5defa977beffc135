"""The rights of callers in a tenant. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chalicelib.cloud.callers.model import Rights
from chalicelib.cloud.permissions import OF_EVERY_USER, OF_TENANTS, ROLES
from chalicelib.cloud.roles.model import Policy, Role
from chalicelib.cloud.roles.rules import ALL
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.tables import Item
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.policy_rules import Effect, Statement
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal, PrincipalKind
from chalicelib.platform.identity.model import Member


def rights_of(name: str, role: Role | None, policies: Sequence[Policy]) -> Rights:
    """The rights of a member with the role of that name, which ``role`` is if it is the tenant's own. One that is gone
    gives the least."""
    granted: frozenset[str] | None = OF_EVERY_USER
    if name in ROLES:
        granted = ROLES[name]
    elif role is not None:
        granted = None if ALL in role.permissions else OF_EVERY_USER.union(role.permissions)
    return Rights(granted, tuple(one.evaluable() for policy in policies for one in policy.statements))


def of_member(principal: Principal, member: Member, rights: Rights) -> Principal:
    """The principal as a member of a tenant, with its rights there. A key with rights of its own, or a session, is held
    to those as well: no policy allows it more."""
    has_own = principal.role is not None or bool(principal.permissions)
    statements = tuple(one for one in rights.statements if not has_own or one.effect is Effect.DENY)
    moved = replace(principal, tenant=member.tenant, statements=statements, has_own_rights=has_own)
    granted = rights.permissions
    if granted is None:
        return replace(moved, role=principal.role if has_own else KeyRole.ADMIN)
    if has_own:
        granted = frozenset(one.name for one in OF_TENANTS if one.name in granted and principal.has(one))
    return replace(moved, role=None, permissions=granted)


_OF_NO_GUEST = Statement(Effect.DENY, ("clusters:write",), ("*",))
"""Limits of clusters, and their end, stay with the operator who has given them."""


def as_guest(principal: Principal) -> Principal:
    """The principal where it is a guest."""
    return replace(principal, statements=(*principal.statements, _OF_NO_GUEST), is_guest=True)


def restricted_to(principal: Principal, restriction: str, ids: Collection[str]) -> Principal:
    """The guest, who reaches those things of the operator's alone."""
    return replace(as_guest(principal), restrictions={restriction: frozenset(ids)})


def check_tier(tenant: Item) -> None:
    """Raises `EdgeError` (forbidden) unless the operator has given the tenant of a row a tier: an account that anyone
    can register costs nothing until then."""
    if not tenant.get("tier"):
        raise EdgeError(Kind.FORBIDDEN, "The operator has given this tenant no tier yet: machines cost money")


def in_tenant(principal: Principal, tenant: str) -> Principal:
    """The operator, as it works in a tenant with the rights of its key."""
    return replace(principal, tenant=tenant, is_operator=True)


def may_work_anywhere(principal: Principal) -> bool:
    """Whether the principal is the operator's, who may work in every tenant: a key without a user."""
    is_key = principal.kind in {PrincipalKind.ROOT, PrincipalKind.KEY}
    return is_key and principal.tenant == DEFAULT_TENANT and not principal.user
