"""The APIs' routes as Chalice gets them: each module of them is imported by the first request that it answers.

Importing them all takes longer than chalice, the SDK and pydantic together, and most containers see few of them. The
table of routes of an `Api` says which module declares which route; ``python -m chalicelib.web.openapi`` writes it, and
a test compares.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

from chalicelib.web.api import Api
from chalicelib.web.application import Application
from chalicelib.web.endpoint import Endpoints, add_route
from chalicelib.web.operation import Endpoint

ON_EVERY_HOST = frozenset({"/.well-known/edge"})
"""Routes that a family declares for its host. Where one host serves several families, the first API answers them."""


class DuplicateRouteError(Exception):
    """Two APIs declare the same method of the same route: one of them would never be reached."""


def register(app: Application, apis: Iterable[Api], provide: Callable[[Api], Any]) -> None:
    """Add every route of the APIs to `app`. `provide` gives the container of an API's family.

    Raises `DuplicateRouteError`.
    """
    owners: dict[tuple[str, str], Api] = {}
    for api in apis:
        table: dict[str, list[str]] = json.loads(api.table.read_text(encoding="utf-8"))
        for module, operations in table.items():
            for operation in operations:
                method, route = operation.split(" ")
                owner = owners.setdefault((method, route), api)
                if owner is not api and route in ON_EVERY_HOST:
                    continue
                if owner is not api:
                    raise DuplicateRouteError(f"{method} {route} belongs to {owner.name} and to {api.name}")
                found = partial(_found, module, method, route)
                add_route(app, method, route, found, api.protocol, partial(provide, api))


def _found(module: str, method: str, route: str, _event: Mapping[str, Any]) -> Endpoint:
    return find(module, method, route)


@cache
def find(module: str, method: str, route: str) -> Endpoint:
    """The operation, importing its module if nothing has yet. Raises LookupError for one that it does not declare."""
    declared: Endpoints = import_module(module).routes
    for endpoint in declared.all:
        if (endpoint.method, endpoint.route) == (method, route):
            return endpoint
    raise LookupError(f"{module} declares no {method} {route}: routes.json is stale")


def prepare(apis: Iterable[Api], provide: Callable[[Api], Any]) -> object:
    """Build the parts that most requests of these APIs need."""
    return [api.prepare(provide(api)) for api in apis if api.prepare is not None]
