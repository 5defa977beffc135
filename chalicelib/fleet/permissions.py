"""The permissions of the fleet's operations."""

from chalicelib.platform.access.permissions import KeyRole, Permission

CLUSTERS_READ = Permission("clusters:read", KeyRole.VIEWER)
CLUSTERS_WRITE = Permission("clusters:write", KeyRole.ADMIN)
ENROLLMENT_KEYS_READ = Permission("enrollment_keys:read", KeyRole.VIEWER)
ENROLLMENT_KEYS_WRITE = Permission("enrollment_keys:write", KeyRole.ADMIN)
ENROLLMENT_KEYS_REVEAL = Permission("enrollment_keys:reveal", KeyRole.ADMIN)
"""Shows the text that machines enrol with."""
NODES_READ = Permission("nodes:read", KeyRole.VIEWER)
NODES_WRITE = Permission("nodes:write", KeyRole.ADMIN)
NODES_REVEAL = Permission("nodes:reveal", KeyRole.ADMIN)
"""Shows the secrets of nodes, where REVEAL_NODE_SECRETS allows it as well."""
METRICS_READ = Permission("metrics:read", KeyRole.VIEWER)
ALIASES_READ = Permission("aliases:read", KeyRole.VIEWER)
ALIASES_WRITE = Permission("aliases:write", KeyRole.OPERATOR)
COMMANDS_READ = Permission("commands:read", KeyRole.VIEWER)
COMMANDS_WRITE = Permission("commands:write", KeyRole.OPERATOR)
COMMANDS_TAIL = Permission("commands:tail", KeyRole.OPERATOR)
"""Watches running commands: their agents are asked to send what they read."""
SCRIPTS_READ = Permission("scripts:read", KeyRole.VIEWER)
SCRIPTS_WRITE = Permission("scripts:write", KeyRole.ADMIN)
SCRIPTS_RUN = Permission("scripts:run", KeyRole.OPERATOR)
"""Runs saved scripts, and gives no right to other texts."""
UPDATES_READ = Permission("updates:read", KeyRole.VIEWER)
UPDATES_WRITE = Permission("updates:write", KeyRole.OPERATOR)
SSH_READ = Permission("ssh:read", KeyRole.VIEWER)
SSH_WRITE = Permission("ssh:write", KeyRole.OPERATOR)
WEBHOOKS_READ = Permission("webhooks:read", KeyRole.VIEWER)
WEBHOOKS_WRITE = Permission("webhooks:write", KeyRole.ADMIN)
ADMINS_READ = Permission("admins:read", KeyRole.VIEWER)

PERMISSIONS = tuple(value for value in vars().values() if isinstance(value, Permission))
"""All of them."""
