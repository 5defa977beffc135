"""Every route of the API, in the order of the published document."""

from collections.abc import Sequence

from chalicelib.api import health
from chalicelib.api.agent import aliases as agent_aliases
from chalicelib.api.agent import enrollment as agent_enrollment
from chalicelib.api.agent import executions as agent_executions
from chalicelib.api.agent import metrics as agent_metrics
from chalicelib.api.agent import nodes as agent_nodes
from chalicelib.api.agent import ssh as agent_ssh
from chalicelib.api.agent import updates as agent_updates
from chalicelib.api.docs import pages
from chalicelib.api.endpoint import Endpoint, Endpoints
from chalicelib.api.operator import (
    admin_metrics,
    admins,
    aliases,
    clusters,
    command_executions,
    commands,
    enrollment_keys,
    event_types,
    metrics_discovery,
    node_metrics,
    nodes,
    self_update_requests,
    ssh_public_keys,
    ssh_usernames,
    webhooks,
)

ALL_ROUTES: Sequence[Endpoints] = (
    clusters.routes,
    enrollment_keys.routes,
    nodes.routes,
    node_metrics.routes,
    metrics_discovery.routes,
    aliases.routes,
    commands.routes,
    command_executions.routes,
    self_update_requests.routes,
    ssh_usernames.routes,
    ssh_public_keys.routes,
    webhooks.routes,
    event_types.routes,
    admins.routes,
    admin_metrics.routes,
    agent_enrollment.routes,
    agent_nodes.routes,
    agent_metrics.routes,
    agent_aliases.routes,
    agent_executions.routes,
    agent_updates.routes,
    agent_ssh.routes,
    health.routes,
    pages.routes,
)


def all_endpoints() -> list[Endpoint]:
    """The operations of all modules."""
    return [endpoint for routes in ALL_ROUTES for endpoint in routes.all]
