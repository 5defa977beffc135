"""The permissions of the machines' operations."""

from chalicelib.platform.access.permissions import KeyRole, Permission

TEMPLATES_READ = Permission("templates:read", KeyRole.VIEWER)
ANALYTICS_READ = Permission("analytics:read", KeyRole.VIEWER)

PERMISSIONS = tuple(value for value in vars().values() if isinstance(value, Permission))
"""All of them."""
