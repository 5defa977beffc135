"""The API's routes as Chalice gets them: each module of them is imported by the first request that it answers.

Importing them all takes longer than chalice, the SDK and pydantic together, and most containers see few of them:
agents poll. ``routes.json`` says which module declares which route; it is written from `routes` by
``python -m chalicelib.web.openapi``, and a test compares.
"""

import json
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path as FilePath

from chalicelib.fleet.wiring import Fleet
from chalicelib.web.application import Application
from chalicelib.web.endpoint import EdgeServices, Endpoints, add_route
from chalicelib.web.operation import Endpoint

TABLE = FilePath(__file__).parents[1] / "fleet" / "api" / "routes.json"
"""Module -> ``METHOD route`` of each of its operations."""

POLLING = "chalicelib.fleet.api.agent.executions"
"""The module whose routes most requests ask for: idle agents do nothing else."""


def register(app: Application, provide: Callable[[], EdgeServices]) -> None:
    """Add every route to `app`."""
    table: dict[str, list[str]] = json.loads(TABLE.read_text(encoding="utf-8"))
    for module, operations in table.items():
        for operation in operations:
            method, route = operation.split(" ")
            add_route(app, method, route, partial(find, module, method, route), provide)


@cache
def find(module: str, method: str, route: str) -> Endpoint:
    """The operation, importing its module if nothing has yet. Raises LookupError for one that it does not declare."""
    declared: Endpoints = import_module(module).routes
    for endpoint in declared.all:
        if (endpoint.method, endpoint.route) == (method, route):
            return endpoint
    raise LookupError(f"{module} declares no {method} {route}: routes.json is stale")


def prepare_polling(services: Fleet) -> object:
    """Load what an agent's poll takes."""
    return import_module(POLLING), services.nodes, services.commands.executions
