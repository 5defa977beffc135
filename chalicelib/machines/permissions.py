"""The permissions of the machines' operations."""

from chalicelib.platform.access.permissions import KeyRole, Permission

TEMPLATES_READ = Permission("templates:read", KeyRole.VIEWER)
ANALYTICS_READ = Permission("analytics:read", KeyRole.VIEWER)
INSTANCES_READ = Permission("instances:read", KeyRole.VIEWER)
INSTANCES_WRITE = Permission("instances:write", KeyRole.OPERATOR)
"""Makes and deletes the caller's instances, and their power operations."""
INSTANCES_ADMINISTER = Permission("instances:administer", KeyRole.ADMIN)
"""Reads and changes the instances of all customers."""
CUSTOMERS_ADMINISTER = Permission("customers:administer", KeyRole.ADMIN)
"""Sets the tier of a customer, and the clusters that its machines may join."""
BILLING_READ = Permission("billing:read", KeyRole.VIEWER)
SESSIONS_READ = Permission("sessions:read", KeyRole.VIEWER)
SESSIONS_WRITE = Permission("sessions:write", KeyRole.OPERATOR)
KEY_PAIRS_READ = Permission("key_pairs:read", KeyRole.VIEWER)
KEY_PAIRS_WRITE = Permission("key_pairs:write", KeyRole.OPERATOR)
USERS_READ = Permission("users:read", KeyRole.VIEWER)

HOSTED_READ = Permission("hosted_nodes:read", KeyRole.VIEWER)
HOSTED_WRITE = Permission("hosted_nodes:write", KeyRole.OPERATOR)
HOSTED_CREDENTIALS = Permission("hosted_nodes:credentials", KeyRole.OPERATOR)

PERMISSIONS = tuple(value for value in vars().values() if isinstance(value, Permission))
"""All of them."""
