"""Every route of the API, in the order of the published document."""

from collections.abc import Sequence

from chalicelib.api import health
from chalicelib.api.agent import aliases as agent_aliases
from chalicelib.api.agent import enrollment as agent_enrollment
from chalicelib.api.agent import executions as agent_executions
from chalicelib.api.agent import nodes as agent_nodes
from chalicelib.api.agent import ssh as agent_ssh
from chalicelib.api.endpoint import Endpoint, Endpoints
from chalicelib.api.operator import (
    aliases,
    clusters,
    command_executions,
    commands,
    enrollment_keys,
    nodes,
    ssh_public_keys,
    ssh_usernames,
)

ALL_ROUTES: Sequence[Endpoints] = (
    clusters.routes,
    enrollment_keys.routes,
    nodes.routes,
    aliases.routes,
    commands.routes,
    command_executions.routes,
    ssh_usernames.routes,
    ssh_public_keys.routes,
    agent_enrollment.routes,
    agent_nodes.routes,
    agent_aliases.routes,
    agent_executions.routes,
    agent_ssh.routes,
    health.routes,
)


def all_endpoints() -> list[Endpoint]:
    """The operations of all modules."""
    return [endpoint for routes in ALL_ROUTES for endpoint in routes.all]
