"""The permissions of the cloud's operations, and the roles that the members of a tenant can have."""

from collections.abc import Mapping

from chalicelib.platform.access.permissions import KeyRole, Permission

IDENTITY_CREATE = Permission("identity:create", KeyRole.OPERATOR)
IDENTITY_READ = Permission("identity:read", KeyRole.VIEWER)
IDENTITY_DELETE = Permission("identity:delete", KeyRole.OPERATOR)
"""Make, list, and replace or revoke keys: the caller's own alone."""
TENANT_CREATE = Permission("tenant:create", KeyRole.OPERATOR)
TENANT_READ = Permission("tenant:read", KeyRole.VIEWER)
TENANT_UPDATE = Permission("tenant:update", KeyRole.ADMIN)
"""Invite, add, change and remove the members of a tenant."""
TENANT_DELETE = Permission("tenant:delete", KeyRole.ADMIN)
TENANT_GRANT = Permission("tenant:grant", KeyRole.ADMIN)
"""Set the quotas of a tenant, as the operator of the installation alone can."""

PERMISSIONS = tuple(value for value in vars().values() if isinstance(value, Permission))
"""All of them."""

OWNER = "owner"
ADMIN = "admin"

OF_EVERY_USER = frozenset(
    {IDENTITY_CREATE.name, IDENTITY_READ.name, IDENTITY_DELETE.name, TENANT_CREATE.name, TENANT_READ.name}
)
"""The rights of every member, regardless of its role: these reach its own keys and the tenant's names alone."""

ROLES: Mapping[str, frozenset[str] | None] = {
    OWNER: None,
    ADMIN: None,
    "developer": OF_EVERY_USER,
    "member": OF_EVERY_USER,
    "viewer": OF_EVERY_USER,
}
"""The permissions of each role; None: all of them."""
