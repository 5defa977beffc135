"""Every kind of things and its commands. A new operation of the API is one entry in one of these modules."""

from edgectl.model import Resource
from edgectl.resources.access import API_KEYS, AUDIT, SSH_GROUPS, SSH_KEYS, SSH_USERS
from edgectl.resources.fleet import ALIASES, CLUSTERS, ENROLLMENT_KEYS, NODES
from edgectl.resources.machines import INSTANCES, TEMPLATES
from edgectl.resources.webhooks import ADMIN, EVENTS, WEBHOOKS
from edgectl.resources.work import COMMANDS, EXECUTIONS, SCHEDULES, SCRIPTS, SECRETS, UPDATES

RESOURCES: tuple[Resource, ...] = (
    *(CLUSTERS, ENROLLMENT_KEYS, NODES, ALIASES, COMMANDS, EXECUTIONS, SCHEDULES, SCRIPTS, SECRETS),
    UPDATES,
    *(SSH_USERS, SSH_KEYS, SSH_GROUPS, WEBHOOKS, EVENTS, AUDIT, API_KEYS, ADMIN),
    *(TEMPLATES, INSTANCES),
)
BY_NAME = {resource.name: resource for resource in RESOURCES}
