"""The permissions of the cloud's operations, and the roles that the members of a tenant can have."""

from collections.abc import Mapping

from chalicelib.platform import permissions as platform_permissions
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

RBAC_READ = Permission("rbac:read", KeyRole.ADMIN)
RBAC_WRITE = Permission("rbac:write", KeyRole.ADMIN)
"""Read and change the roles of a tenant, and the role of each member."""
IAM_READ = Permission("iam:read", KeyRole.ADMIN)
IAM_WRITE = Permission("iam:write", KeyRole.ADMIN)
"""Read and change the policies of a tenant, and attach them."""

SERVICE_ACCOUNT_CREATE = Permission("service_account:create", KeyRole.ADMIN)
SERVICE_ACCOUNT_READ = Permission("service_account:read", KeyRole.ADMIN)
SERVICE_ACCOUNT_UPDATE = Permission("service_account:update", KeyRole.ADMIN)
SERVICE_ACCOUNT_DELETE = Permission("service_account:delete", KeyRole.ADMIN)

VPC_READ = Permission("vpc:read", KeyRole.VIEWER)
VPC_CREATE = Permission("vpc:create", KeyRole.OPERATOR)
VPC_UPDATE = Permission("vpc:update", KeyRole.OPERATOR)
VPC_DELETE = Permission("vpc:delete", KeyRole.OPERATOR)
"""The parts of networks, except security groups, peerings and addresses, have no permissions of their own."""
SG_READ = Permission("sg:read", KeyRole.VIEWER)
SG_CREATE = Permission("sg:create", KeyRole.OPERATOR)
SG_UPDATE = Permission("sg:update", KeyRole.OPERATOR)
SG_DELETE = Permission("sg:delete", KeyRole.OPERATOR)
"""Read and make security groups, change their rules and the instances that have them, and delete them."""
VPC_PEERING_READ = Permission("vpc_peering:read", KeyRole.VIEWER)
VPC_PEERING_CREATE = Permission("vpc_peering:create", KeyRole.OPERATOR)
VPC_PEERING_ACCEPT = Permission("vpc_peering:accept", KeyRole.OPERATOR)
VPC_PEERING_DELETE = Permission("vpc_peering:delete", KeyRole.OPERATOR)
"""Read peerings, ask for one, answer to one, and delete one."""
EIP_READ = Permission("eip:read", KeyRole.VIEWER)
EIP_ALLOCATE = Permission("eip:allocate", KeyRole.OPERATOR)
EIP_ASSOCIATE = Permission("eip:associate", KeyRole.OPERATOR)
EIP_RELEASE = Permission("eip:release", KeyRole.OPERATOR)
INSTANCE_READ = Permission("instance:read", KeyRole.VIEWER)
INSTANCE_LAUNCH = Permission("instance:launch", KeyRole.OPERATOR)
INSTANCE_UPDATE = Permission("instance:update", KeyRole.OPERATOR)
INSTANCE_RESIZE = Permission("instance:resize", KeyRole.OPERATOR)
INSTANCE_TERMINATE = Permission("instance:terminate", KeyRole.OPERATOR)
VOLUME_READ = Permission("volume:read", KeyRole.VIEWER)
VOLUME_CREATE = Permission("volume:create", KeyRole.OPERATOR)
VOLUME_UPDATE = Permission("volume:update", KeyRole.OPERATOR)
VOLUME_DELETE = Permission("volume:delete", KeyRole.OPERATOR)
SNAPSHOT_READ = Permission("snapshot:read", KeyRole.VIEWER)
SNAPSHOT_CREATE = Permission("snapshot:create", KeyRole.OPERATOR)
SNAPSHOT_RESTORE = Permission("snapshot:restore", KeyRole.OPERATOR)
SNAPSHOT_DELETE = Permission("snapshot:delete", KeyRole.OPERATOR)
IMAGE_READ = Permission("image:read", KeyRole.VIEWER)
IMAGE_CREATE = Permission("image:create", KeyRole.OPERATOR)
IMAGE_DELETE = Permission("image:delete", KeyRole.OPERATOR)
"""Read images, public ones of other tenants among them; register them, upload their files and make them public; and
delete them."""

SSH_KEY_CREATE = Permission("ssh_key:create", KeyRole.OPERATOR)
SSH_KEY_READ = Permission("ssh_key:read", KeyRole.VIEWER)
SSH_KEY_DELETE = Permission("ssh_key:delete", KeyRole.OPERATOR)
SECRET_CREATE = Permission("secret:create", KeyRole.ADMIN)
SECRET_READ = Permission("secret:read", KeyRole.VIEWER)
"""Shows secrets with their values, but to a key that only views."""
SECRET_DELETE = Permission("secret:delete", KeyRole.ADMIN)
STORAGE_READ = Permission("storage:read", KeyRole.VIEWER)
STORAGE_WRITE = Permission("storage:write", KeyRole.OPERATOR)
STORAGE_DELETE = Permission("storage:delete", KeyRole.OPERATOR)
"""List and read, make and store, and delete buckets, objects, uploads and rules."""
ACCOUNTING_READ = Permission("accounting:read", KeyRole.VIEWER)

DASHBOARD_READ = Permission("dashboard:read", KeyRole.VIEWER)
"""Counts of what a tenant has, and what happened lately, without addresses."""

PERMISSIONS = tuple(value for value in vars().values() if isinstance(value, Permission))
"""All of them."""

OF_TENANTS = (*PERMISSIONS, platform_permissions.AUDIT_READ)
"""Those that a key in a tenant can have."""

_PUBLISHED = {
    "instance": "launch terminate read update resize",
    "ssh_key": "create read delete",
    "vpc": "create delete read update",
    "sg": "create delete read update",
    "vpc_peering": "create accept delete read",
    "eip": "allocate release read associate",
    "volume": "create delete read update",
    "storage": "write read delete",
    "snapshot": "create delete read restore",
    "lb": "create delete read update",
    "db": "create delete read update",
    "asg": "create delete read update",
    "pipeline": "create delete read update run webhook",
    "cluster": "create delete read update",
    "dns": "create delete read update",
    "tenant": "create delete read update",
    "service_account": "create delete read update",
    "secret": "create write delete read",
    "function": "invoke create delete read update",
    "function_schedule": "create read delete update",
    "cache": "create read delete update",
    "cron": "create read delete update",
    "queue": "create delete read write",
    "notify": "create delete read publish",
    "gateway": "create delete read",
    "stack": "create delete read",
    "container": "create delete read scale",
    "image": "create read delete read_all",
    "identity": "create read delete read_all",
    "accounting": "read",
    "audit": "read",
    "dashboard": "read",
}
"""The permissions of the published API, by kind of thing. Roles may hold those of operations to come."""

EVERY_NAME = frozenset(
    {f"{kind}:{action}" for kind, actions in _PUBLISHED.items() for action in actions.split()}
    | {permission.name for permission in PERMISSIONS}
)
"""The permissions that a role can hold."""

OWNER = "owner"
ADMIN = "admin"

OF_EVERY_USER = frozenset(
    {IDENTITY_CREATE.name, IDENTITY_READ.name, IDENTITY_DELETE.name, TENANT_CREATE.name, TENANT_READ.name}
)
"""The rights of every member, regardless of its role: these reach its own keys and the tenant's names alone."""

_THINGS = frozenset(
    {
        *("vpc", "sg", "eip", "vpc_peering"),
        *("storage", "instance", "volume", "snapshot", "image", "ssh_key", "secret", "dashboard"),
    }
)

_OF_DEVELOPERS = OF_EVERY_USER.union(
    permission.name for permission in PERMISSIONS if permission.name.partition(":")[0] in _THINGS
)
"""The rights of members who work with things: all on each of them, and none on members, roles, policies and the log."""

ROLES: Mapping[str, frozenset[str] | None] = {
    OWNER: None,
    ADMIN: None,
    "developer": _OF_DEVELOPERS,
    "member": _OF_DEVELOPERS,
    "viewer": OF_EVERY_USER
    | {VPC_READ.name, INSTANCE_READ.name, VOLUME_READ.name, SNAPSHOT_READ.name, IMAGE_READ.name},
}
"""The permissions of each role; None: all of them."""
