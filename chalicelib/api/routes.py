"""Every route of the API, in the order of the published document."""

from collections.abc import Sequence

from chalicelib.api import health
from chalicelib.api.agent import enrollment as agent_enrollment
from chalicelib.api.agent import executions as agent_executions
from chalicelib.api.agent import nodes as agent_nodes
from chalicelib.api.endpoint import Endpoint, Endpoints
from chalicelib.api.operator import clusters, command_executions, commands, enrollment_keys, nodes

ALL_ROUTES: Sequence[Endpoints] = (
    clusters.routes,
    enrollment_keys.routes,
    nodes.routes,
    commands.routes,
    command_executions.routes,
    agent_enrollment.routes,
    agent_nodes.routes,
    agent_executions.routes,
    health.routes,
)


def all_endpoints() -> list[Endpoint]:
    """The operations of all modules."""
    return [endpoint for routes in ALL_ROUTES for endpoint in routes.all]
