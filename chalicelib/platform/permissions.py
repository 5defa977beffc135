"""The permissions of the platform's operations."""

from chalicelib.platform.access.permissions import KeyRole, Permission

API_KEYS_READ = Permission("api_keys:read", KeyRole.ADMIN)
API_KEYS_WRITE = Permission("api_keys:write", KeyRole.ADMIN)
AUDIT_READ = Permission("audit:read", KeyRole.ADMIN)

PERMISSIONS = tuple(value for value in vars().values() if isinstance(value, Permission))
"""All of them."""
