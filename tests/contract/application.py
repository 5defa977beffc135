"""The whole application behind its real routes, with something of everything in it, and a look at what it holds."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, Self
from urllib.parse import quote

from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.fleet.api.assistants import ASSISTANT
from chalicelib.fleet.api.protocol import AGENT, LEAVING, METRICS, OPERATOR
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.web.endpoint import Endpoint
from tests.support.builders import Machine, a_cluster, a_command, machines
from tests.support.client import Client, HttpAnswer
from tests.support.world import MASTER_KEY, World

BOUNDLESS = 1_000_000
"""Requests at once on public routes: the limit has tests of its own."""

NEW_NODE_ID = "0f0e0d0c-0b0a-4900-8000-000000000001"


class Application:
    """A world with clusters, keys, machines and executions, and a client for all routes.

    ``variables`` are path variables that lead to something; ``token`` is the bearer of the node among them.
    """

    def __init__(self, **settings: Any) -> None:
        given = {
            "public_burst": BOUNDLESS,
            "default_cluster_name": "main",
            "public_enrollment_key_enabled": True,
            "reveal_node_secrets": True,  # as the contract has it
        }
        self.world = World(**{**given, **settings})
        self.client = Client(EDGE_ADMIN.groups(), self.world.fleet, key=None)
        self.world.fleet.clusters.ensure_default()
        a_cluster(self.world, "north")
        a_cluster(self.world, "south")
        self.machine: Machine = machines(self.world, 2)[0]
        key = self.world.fleet.enrollment.create("north", {}, reach=EVERYWHERE)
        alias = self.world.fleet.aliases.create(self.machine.id, "door", reach=EVERYWHERE)
        self.command = a_command(self.world)
        self.world.settle()
        rows = self.world.driver.rows(EXECUTIONS)
        execution_id = next(str(row["id"]) for row in rows if row["node_id"] == self.machine.id)
        for metrics_type in MetricsType:
            self.world.fleet.metrics.nodes.push(self.machine.id, metrics_type, "up 1\n")
        self.variables = {
            "cluster_name": "north",
            "key_id": key.id,
            "node_id": self.machine.id,
            "alias_id": alias.id,
            "command_id": self.command.id,
            "execution_id": execution_id,
            "event_type": EventType.NODE_REGISTERED,
        }
        self.hear()

    def copy(self) -> Self:
        """Another application with the same in it (`World.copy`)."""
        twin = copy(self)
        twin.world = self.world.copy()
        twin.client = Client(EDGE_ADMIN.groups(), twin.world.fleet, key=None)
        twin.variables = {**self.variables}
        return twin

    @property
    def token(self) -> str:
        return self.machine.token

    def hear(self) -> None:
        """The machine calls: that it was heard is noted, and not again for calls at about the same time."""
        self.client.get("/api/v1/agents/command_executions", query={"status": "sent"}, key=self.token)

    def key_for(self, endpoint: Endpoint) -> str | None:
        """The key that the endpoint wants, None where it wants none."""
        operators = dict.fromkeys((OPERATOR, METRICS, ASSISTANT), MASTER_KEY)
        agents = dict.fromkeys((AGENT, LEAVING), self.token)
        return {**operators, **agents}.get(endpoint.auth)

    def path_of(self, endpoint: Endpoint, **variables: str) -> str:
        """The endpoint's path, variables in place, each quoted. One that is not known here leads to nothing."""
        known = {**self.variables, **variables}
        return re.sub(r"{(\w+)}", lambda found: quote(known.get(found[1], NEW_NODE_ID), safe=""), endpoint.route)

    def call(self, endpoint: Endpoint, **options: Any) -> HttpAnswer:
        """The endpoint with a path that leads somewhere and the right key, unless told otherwise."""
        options.setdefault("key", self.key_for(endpoint))
        path = options.pop("path", None) or self.path_of(endpoint)
        return self.client.request(endpoint.method, path, **options)

    def state(self) -> dict[str, Any]:
        """All that a request could change."""
        return self.world.state()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Whatever happens inside leaves no trace."""
        before = self.state()
        yield
        assert self.state() == before
