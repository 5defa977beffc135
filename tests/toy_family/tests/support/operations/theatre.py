"""The theatre's operations: what each needs to succeed in a theatre with one puppet."""

from typing import Any

from chalicelib.theatre.api import API
from chalicelib.theatre.api.protocol import KEY_HEADER
from chalicelib.theatre.wiring import Theatre
from tests.support.client import MASTER_KEY, Client, HttpAnswer
from tests.support.operations.table import Operations, Options
from tests.support.world import World

_ENDPOINTS = {endpoint.view.__name__: endpoint for endpoint in API.endpoints()}


class Scene:
    """A theatre with one puppet."""

    def __init__(self) -> None:
        self.world = World()
        self.client = Client(API.groups(), self.world.platform.container(Theatre), api=API, key=None)
        made = self.request("create_puppet", json={"name": "Kasper"})
        self.variables = {"puppet_id": made.json["id"]}

    def request(self, view: str, *, variables: Any = None, key: str | None = MASTER_KEY, **options: Any) -> HttpAnswer:
        endpoint = _ENDPOINTS[view]
        if endpoint.has_body and "body" not in options:
            options.setdefault("json", {"name": "Gretel"})
        path = endpoint.route.format(**{**getattr(self, "variables", {}), **(variables or {})})
        headers = {**options.pop("headers", {}), **({} if key is None else {KEY_HEADER: key})}
        return self.client.request(endpoint.method, path, headers=headers, **options)


def as_it_is(_: Scene) -> Options:
    return {}


OPERATIONS = Operations(
    scene=Scene,
    prepared={API.name: dict.fromkeys(_ENDPOINTS, as_it_is)},
    within=lambda _: {"clusters": frozenset({"north"})},
    outside=lambda _: {"clusters": frozenset({"south"})},
)
