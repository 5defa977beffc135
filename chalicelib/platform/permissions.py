"""The permissions of the platform's operations."""

from chalicelib.platform.access.permissions import KeyRole, Permission

API_KEYS_READ = Permission("api_keys:read", KeyRole.ADMIN)
API_KEYS_WRITE = Permission("api_keys:write", KeyRole.ADMIN)
SECRETS_READ = Permission("secrets:read", KeyRole.VIEWER)
"""Shows names and descriptions of secrets, never values."""
SECRETS_WRITE = Permission("secrets:write", KeyRole.ADMIN)
SECRETS_USE = Permission("secrets:use", KeyRole.OPERATOR)
"""Names secrets in what is run, and thereby hands their values to programs."""
AUDIT_READ = Permission("audit:read", KeyRole.ADMIN)

PERMISSIONS = tuple(value for value in vars().values() if isinstance(value, Permission))
"""All of them."""
