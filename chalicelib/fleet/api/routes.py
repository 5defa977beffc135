"""Every route of the API, in the order of the published document: for documents and tests. A function loads the modules
one by one, see `dispatch`."""

import json
from collections.abc import Sequence

from chalicelib.fleet.api import health
from chalicelib.fleet.api.agent import aliases as agent_aliases
from chalicelib.fleet.api.agent import bundle as agent_bundle
from chalicelib.fleet.api.agent import enrollment as agent_enrollment
from chalicelib.fleet.api.agent import executions as agent_executions
from chalicelib.fleet.api.agent import metrics as agent_metrics
from chalicelib.fleet.api.agent import nodes as agent_nodes
from chalicelib.fleet.api.agent import ssh as agent_ssh
from chalicelib.fleet.api.agent import updates as agent_updates
from chalicelib.fleet.api.operator import (
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
from chalicelib.web.docs import pages
from chalicelib.web.endpoint import Endpoint, Endpoints

MODULES = (
    clusters,
    enrollment_keys,
    nodes,
    node_metrics,
    metrics_discovery,
    aliases,
    commands,
    command_executions,
    self_update_requests,
    ssh_usernames,
    ssh_public_keys,
    webhooks,
    event_types,
    admins,
    admin_metrics,
    agent_enrollment,
    agent_nodes,
    agent_metrics,
    agent_aliases,
    agent_executions,
    agent_updates,
    agent_bundle,
    agent_ssh,
    health,
    pages,
)

ALL_ROUTES: Sequence[Endpoints] = tuple(module.routes for module in MODULES)


def all_endpoints() -> list[Endpoint]:
    """The operations of all modules."""
    return [endpoint for routes in ALL_ROUTES for endpoint in routes.all]


def table_text() -> str:
    """What `dispatch.TABLE` holds."""
    table = {module.__name__: [f"{one.method} {one.route}" for one in module.routes.all] for module in MODULES}
    return json.dumps(table, indent=1) + "\n"
