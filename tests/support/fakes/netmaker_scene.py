"""A small installation in the mesh, for tests that pull the two apart."""

from typing import Any

from tests.support.callers import Agent, a_key, operator
from tests.support.fakes.netmaker_world import NetmakerWorld, enrol


class Scene:
    """Two clusters: two nodes in the north, one of them named twice; the south is empty."""

    def __init__(self, world: NetmakerWorld) -> None:
        self.world, self.netmaker, self.client = world, world.netmaker, operator(world)
        for name in ("north", "south"):
            assert self.client.post("/api/v1/clusters", json={"name": name}).status == 201
        self.blob = a_key(self.client, "north", uses_remaining=None)
        self.agents = [Agent(self.client, number) for number in range(2)]
        for agent in self.agents:
            assert enrol(world, agent, self.blob, "north").status == 201
        self.one, self.two = self.agents
        for name in ("web", "db"):
            self.alias(name)
        world.settle()
        self.whole = self.state()
        self.hosts = {agent.id: self.host_of(agent) for agent in self.agents}

    def alias(self, name: str) -> str:
        """A further name of the first node; returns its id."""
        answer = self.client.post(f"/api/v1/nodes/{self.one.id}/aliases", json={"name": name})
        assert answer.status == 201, answer.text
        return str(answer.data["id"])

    def state(self) -> Any:
        """All that the mesh holds."""
        netmaker = self.netmaker
        return dict(netmaker.networks), dict(netmaker.members), dict(netmaker.names), dict(netmaker.hosts)

    def host_of(self, agent: Agent) -> str:
        return str(self.client.get(f"/api/v1/nodes/{agent.id}").data["netmaker_host_id"])

    def repaired(self) -> list[dict[str, int]]:
        """The log lines of the repairs."""
        return [line["repaired"] for line in self.world.said("vpn_repaired")]

    def lose_stream(self) -> None:
        """Drop all pending records of the change stream."""
        assert list(self.world.relay_batches())
