"""Operators and agents of a `World`, over HTTP: every call goes through the routes, as from outside."""

from typing import Any

from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.kit.tables import Call, Meter
from tests.support.builders import UNTOLD, a_registration
from tests.support.client import Client, HttpAnswer
from tests.support.world import World

EXECUTIONS = "/api/v1/agents/command_executions"


def operator(world: World) -> Client:
    """All routes, called with the master key."""
    return Client(EDGE_ADMIN.groups(), world.fleet)


class Agent:
    """A machine that keeps what an agent keeps: its id and, once enrolled, its token. It calls from an address of its
    own. Its answers are not checked against the document: `Client` does that for the operator's."""

    def __init__(self, client: Client, number: int) -> None:
        world_ids = client.services.platform.ids
        self.id: str = world_ids.uuid7(client.services.platform.clock.now())
        self.token: str | None = None
        self.instance_id: str | None = None
        self._client = client
        self.address = f"198.51.{100 + number // 250}.{number % 250}"

    def verify(self, blob: str) -> HttpAnswer:
        return self._call("POST", "/api/v1/agents/enrollment_keys/verify", json={"key": blob, "node_id": self.id})

    def register(self, registration_token: str | None, cluster_name: str, **fields: Any) -> HttpAnswer:
        """Keeps the token of a successful answer; None for a machine that comes back with its own."""
        said = a_registration(self.id, cluster_name).model_dump(mode="json", exclude=UNTOLD)
        said["version"] = said.pop("agent_version")
        proof = {} if registration_token is None else {"registration_token": registration_token}
        answer = self._call("POST", "/api/v1/agents/nodes", json={**said, **proof, **fields})
        if answer.status == 201:
            self.token = answer.data["api_token"]
        return answer

    def enrol(self, blob: str, cluster_name: str) -> list[HttpAnswer]:
        """Both steps; the second only if the first succeeded."""
        verified = self.verify(blob)
        if verified.status != 200 or not verified.data["verified"]:
            return [verified]
        return [verified, self.register(verified.data["netmaker_key"], cluster_name)]

    def poll(self, status: str = "pending") -> HttpAnswer:
        return self._call("GET", EXECUTIONS, query={"status": status})

    def waiting(self, status: str = "pending") -> list[str]:
        """The ids of its own executions in a status."""
        return [row["id"] for row in self.poll(status).data]

    def acknowledge(self, execution_id: str) -> HttpAnswer:
        return self._call("PATCH", f"{EXECUTIONS}/{execution_id}/acknowledge")

    def claim(self, *execution_ids: str) -> HttpAnswer:
        """Acknowledge several at once."""
        return self._call("PATCH", f"{EXECUTIONS}/acknowledge", json={"ids": list(execution_ids)})

    def environment(self, execution_id: str) -> HttpAnswer:
        """The secrets of an execution."""
        return self._call("GET", f"{EXECUTIONS}/{execution_id}/environment")

    def report(self, execution_id: str, **body: Any) -> HttpAnswer:
        return self._call("PATCH", f"{EXECUTIONS}/{execution_id}/result", json={"status": "completed", **body})

    def verify_credentials(self, **credentials: Any) -> HttpAnswer:
        return self._call("POST", "/api/v1/agents/ssh_usernames/verify_credentials", json=credentials)

    def heartbeat(self) -> HttpAnswer:
        return self._call("PATCH", "/api/v1/agents/nodes/me/health_check", json={"status": "healthy"})

    def _call(self, method: str, path: str, **options: Any) -> HttpAnswer:
        headers = {} if self.instance_id is None else {"X-Edge-Instance": self.instance_id}
        known = {"key": self.token, "address": self.address, "headers": headers}
        return self._client.request(method, path, checked=False, **known, **options)

    def twin(self) -> "Agent":
        """Another machine with a copy of what this one keeps."""
        other = Agent(self._client, 249)
        other.id, other.token = self.id, self.token
        return other


def connect(world: World, agent: Agent, connection_id: str) -> None:
    """Open the agent's WebSocket."""
    assert handshake(world, agent, connection_id) == 200


def handshake(world: World, agent: Agent, connection_id: str) -> int:
    """Try to open the agent's WebSocket, as API Gateway tells the application; returns the status."""
    context = {
        "connectionId": connection_id,
        "connectedAt": int(world.clock.now().timestamp() * 1000),
        "requestId": f"request-{connection_id}",
        "identity": {"sourceIp": "198.51.100.9"},
    }
    headers = {"Authorization": [f"Bearer {agent.token}"]}
    if agent.instance_id is not None:
        headers["X-Edge-Instance"] = [agent.instance_id]
    world.socket_client.frames[connection_id] = []
    event = {"requestContext": context, "multiValueHeaders": headers}
    answer = world.call("chalicelib.fleet.workers.connections.connect", event)
    return int(answer["statusCode"])


def enrolled(client: Client, count: int, cluster_name: str = "north") -> list[Agent]:
    """So many agents, each enrolled by the two calls of the protocol."""
    blob = a_key(client, cluster_name, uses_remaining=None)
    agents = [Agent(client, number) for number in range(count)]
    for agent in agents:
        assert agent.enrol(blob, cluster_name)[-1].status == 201
    return agents


def a_key(client: Client, cluster_name: str, **fields: Any) -> str:
    """The blob of a new enrollment key."""
    answer = client.post(f"/api/v1/clusters/{cluster_name}/enrollment_keys", json=fields)
    return str(answer.data["key"])


class Bill(Meter):
    """A meter that also remembers what was reset: what many requests and messages took together."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Call] = []

    def record(self, call: Call) -> None:
        super().record(call)
        self.all.append(call)


def bill_of(world: World) -> Bill:
    """From now on, everything that is asked of the world's tables."""
    world.driver.meter = bill = Bill()
    return bill
