"""The permissions of the theatre's operations."""

from chalicelib.platform.access.permissions import KeyRole, Permission

PUPPETS_READ = Permission("puppets:read", KeyRole.VIEWER)
PUPPETS_WRITE = Permission("puppets:write", KeyRole.OPERATOR)

PERMISSIONS = (PUPPETS_READ, PUPPETS_WRITE)
