"""The rights of callers in a tenant. Pure."""

from dataclasses import replace

from chalicelib.cloud.permissions import OF_EVERY_USER, PERMISSIONS, ROLES
from chalicelib.platform.access.permissions import KeyRole
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal
from chalicelib.platform.identity.model import Member


def of_member(principal: Principal, member: Member) -> Principal:
    """The principal as a member of a tenant: it may do what its role there may. A key with rights of its own, or a
    session, is held to those as well."""
    granted = ROLES.get(member.role, OF_EVERY_USER)
    has_own = principal.role is not None or bool(principal.permissions)
    if granted is None:
        return replace(principal, tenant=member.tenant, role=principal.role if has_own else KeyRole.ADMIN)
    if has_own:
        granted = frozenset(one.name for one in PERMISSIONS if one.name in granted and principal.has(one))
    return replace(principal, tenant=member.tenant, role=None, permissions=granted)


def in_tenant(principal: Principal, tenant: str) -> Principal:
    """The operator, as it works in a tenant with the rights of its key."""
    return replace(principal, tenant=tenant)


def may_work_anywhere(principal: Principal) -> bool:
    """Whether the principal is the operator's, who may work in every tenant: a key without a user."""
    return principal.tenant == DEFAULT_TENANT and not principal.user
