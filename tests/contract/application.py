"""The whole application behind its real routes, with something of everything in it, and a look at what it holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from urllib.parse import quote

from chalicelib.access.keys import AGENT, METRICS, OPERATOR
from chalicelib.api.endpoint import Endpoint
from chalicelib.api.routes import ALL_ROUTES
from chalicelib.commands.store import EXECUTIONS
from tests.api.client import Client, HttpAnswer
from tests.builders import Machine, a_cluster, a_command, machines
from tests.world import MASTER_KEY, World

BOUNDLESS = 1_000_000
"""Requests at once on public routes: the limit has tests of its own."""

NEW_NODE_ID = "0f0e0d0c-0b0a-4900-8000-000000000001"

REGISTRATION = {
    "node_id": NEW_NODE_ID,
    "network_name": "cluster-north",
    "id_type": "persistent",
    "http_port": 44000,
    "ssh_port": 40022,
    "host_metrics_port": 49100,
    "wireguard_metrics_port": 49586,
    "http_proxy_port": 43128,
    "socks5_proxy_port": 41080,
    "version": "1.0.0",
    "self_update_enabled": False,
    "registration_token": "token",
}

TARGETING = {"type": "all", "node_ids": [NEW_NODE_ID], "cluster_names": ["north"]}

GOOD_BODIES: Mapping[str, Mapping[str, Any]] = {
    "create_cluster": {"name": "west", "ipv4_range": "8.0.0.0/24", "node_limit": 5},
    "update_cluster": {"node_limit": 5},
    "create_key": {"name": "door", "uses_remaining": 3, "expired_at": "2027-01-01T00:00:00Z"},
    "create_default_key": {"name": "door", "uses_remaining": 3, "expired_at": "2027-01-01T00:00:00Z"},
    "update_key": {"name": "door", "uses_remaining": 3, "expired_at": "2027-01-01T00:00:00Z"},
    "change_cluster": {"cluster_name": "south"},
    "create_alias": {"name": "web"},
    "create_own_alias": {"name": "web"},
    "create_command": {
        "command_text": "uptime",
        "timeout": 1000,
        "expired_at": "2027-01-01T00:00:00Z",
        "targeting": {**TARGETING, "node_filters": {"version": "1.*"}, "cluster_filters": {"name": "n*"}},
    },
    "verify_key": {"key": "blob", "node_id": NEW_NODE_ID},
    "register_node": REGISTRATION,
    "report_health": {"status": "healthy"},
    "report_result": {"status": "completed", "output": "done", "exit_code": 0, "completed_at": "2026-11-21T10:00:00Z"},
}
"""A body of the right shape for each operation that takes one, every field given, by the name of the view."""


class Application:
    """A world with clusters, keys, machines and executions in several states, and a client for all routes.

    ``variables`` are path variables that lead to something; ``token`` is the bearer of the node among them.
    """

    def __init__(self, **settings: Any) -> None:
        given = {"public_burst": BOUNDLESS, "default_cluster_name": "main", "public_enrollment_key_enabled": True}
        self.world = World(**{**given, **settings})
        self.client = Client(ALL_ROUTES, self.world.services, key=None)
        self.world.services.clusters.ensure_default()
        a_cluster(self.world, "north")
        a_cluster(self.world, "south")
        self.machine: Machine = machines(self.world, 2)[0]
        key = self.world.services.enrollment.create("north", {})
        alias = self.world.services.aliases.create(self.machine.id, "door")
        self.command = a_command(self.world)
        self.world.settle()
        rows = self.world.driver.rows(EXECUTIONS)
        execution_id = next(str(row["id"]) for row in rows if row["node_id"] == self.machine.id)
        self.variables = {
            "cluster_name": "north",
            "key_id": key.id,
            "node_id": self.machine.id,
            "alias_id": alias.id,
            "command_id": self.command.id,
            "execution_id": execution_id,
        }
        self.hear()

    @property
    def token(self) -> str:
        return self.machine.token

    def hear(self) -> None:
        """The machine calls: that it was heard is noted, and not again for calls at about the same time."""
        self.client.get("/api/v1/agents/command_executions", query={"status": "sent"}, key=self.token)

    def key_for(self, endpoint: Endpoint) -> str | None:
        """The key that the endpoint wants, None where it wants none."""
        return {OPERATOR: MASTER_KEY, METRICS: MASTER_KEY, AGENT: self.token}.get(endpoint.auth)

    def path_of(self, endpoint: Endpoint, **variables: str) -> str:
        """The endpoint's path, variables in place; each is quoted."""
        path = endpoint.route
        for name, value in {**self.variables, **variables}.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return path

    def call(self, endpoint: Endpoint, **options: Any) -> HttpAnswer:
        """The endpoint with a path that leads somewhere and the right key, unless told otherwise."""
        options.setdefault("key", self.key_for(endpoint))
        path = options.pop("path", None) or self.path_of(endpoint)
        return self.client.request(endpoint.method, path, **options)

    def state(self) -> dict[str, Any]:
        """All that a request could change."""
        world = self.world
        return {
            "rows": world.driver.snapshot(),
            "changes": world.driver.stream_position,
            "queues": deepcopy(world.queue_client.sent),
            "bus": list(world.bus_client.entries),
            "sockets": (deepcopy(world.socket_client.frames), list(world.socket_client.closed)),
        }

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Whatever happens inside leaves no trace."""
        before = self.state()
        yield
        assert self.state() == before
