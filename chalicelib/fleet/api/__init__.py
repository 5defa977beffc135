"""The fleet's API: routes for operators and for agents."""

from importlib import import_module
from pathlib import Path
from typing import Any

from chalicelib.fleet.api.protocol import EDGE_ADMIN
from chalicelib.web.api import Api

_OPERATOR = (
    "clusters",
    "enrollment_keys",
    "nodes",
    "node_metrics",
    "node_diagnostics",
    "node_recovery",
    "metrics_discovery",
    "aliases",
    "commands",
    "command_retries",
    "rollouts",
    "command_executions",
    "execution_output",
    "execution_tail",
    "schedules",
    "scripts",
    "secrets",
    "self_update_requests",
    "ssh_usernames",
    "ssh_public_keys",
    "ssh_group_users",
    "webhooks",
    "webhook_deliveries",
    "event_types",
    "events",
    "admins",
    "admin_metrics",
    "api_keys",
    "audit_events",
)
_AGENT = (
    "enrollment",
    "nodes",
    "metrics",
    "diagnostics",
    "aliases",
    "executions",
    "claims",
    "updates",
    "bundle",
    "ssh",
)


def _prepare_polling(services: Any) -> object:
    """Load the parts that an agent's poll needs: idle agents send most of the requests."""
    return import_module("chalicelib.fleet.api.agent.executions"), services.nodes, services.commands.executions


API = Api(
    name="Edge Admin",
    services="chalicelib.fleet.wiring.Fleet",
    protocol=EDGE_ADMIN,
    modules=(
        *(f"chalicelib.fleet.api.operator.{name}" for name in _OPERATOR),
        *(f"chalicelib.fleet.api.agent.{name}" for name in _AGENT),
        "chalicelib.fleet.api.assistants",
        "chalicelib.fleet.api.health",
        "chalicelib.fleet.api.documentation",
    ),
    folder=Path(__file__).parent,
    description="chalicelib.fleet.api.description.EDGE_ADMIN",
    published="openapi.json",
    events="chalicelib.fleet.api.event_description.EDGE_EVENTS",
    published_events="asyncapi.json",
    tools="chalicelib.fleet.api.tools.TOOLS",
    document_route="/api/openapi",
    prepare=_prepare_polling,
)

APIS = (API,)
