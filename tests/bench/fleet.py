"""Real agent processes in a local cloud, for sections that time them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.local.agents import SampleAgent, SampleAgents
from infra.local.cloud import LocalCloud
from infra.local.operator_api import Operator
from tests.bench.fleet_cloud import wait_until

CLUSTER = "bench"

STARTED_AT_ONCE = 4
"""Agents that start together: each takes a second of a processor for its imports."""

CONNECTED, DISCONNECTED, REPORTED = "websocket.connected", "websocket.lost", "execution.reported"
"""Events of an agent's log."""


class Fleet:
    """A cluster with agents that are added as they are wanted."""

    def __init__(self, cloud: LocalCloud, agents: SampleAgents, most: int) -> None:
        self.operator = Operator(cloud.url, cloud.master_key)
        self.operator.create_cluster(CLUSTER)
        self._key = self.operator.create_enrollment_key(CLUSTER, most)
        self._agents = agents
        self._tails: dict[SampleAgent, _Tail] = {}

    def by_node(self) -> dict[str, SampleAgent]:
        """The agents by node id."""
        return {str(agent.node_id()): agent for agent in self._tails}

    def grow_to(self, count: int) -> None:
        """Start agents, a few at a time, until so many are connected."""
        while (missing := count - len(self._tails)) > 0:
            self._start([self._new() for _ in range(min(STARTED_AT_ONCE, missing))], CONNECTED)

    def add_without_socket(self, proxy: dict[str, str]) -> SampleAgent:
        """One that goes through a proxy which lets no WebSocket through. Returns it once it has noticed."""
        agent = self._new()
        self._start([agent], DISCONNECTED, proxy)
        return agent

    def wait_for_reports(self, agents: Sequence[SampleAgent] | None = None) -> None:
        """Until each of these (of all) agents has had a result accepted, beyond those of the last call."""
        tails = [self._tails[agent] for agent in agents or self._tails]
        wait_until(lambda: all(tail.has_new(REPORTED) for tail in tails), "every result")
        for tail in tails:
            tail.forget(REPORTED)

    def _new(self) -> SampleAgent:
        agent = self._agents.add(self._key)
        self._tails[agent] = _Tail(agent.log)
        return agent

    def _start(self, agents: Sequence[SampleAgent], ready: str, environment: dict[str, str] | None = None) -> None:
        for agent in agents:
            agent.start(environment=environment)
        tails = [self._tails[agent] for agent in agents]
        wait_until(lambda: all(tail.has_new(ready) for tail in tails), f"{ready} of {len(agents)} agents")


@contextmanager
def running_fleet(cloud: LocalCloud, most: int) -> Iterator[Fleet]:
    """A fleet for up to so many agents; all stop, and leave the API, with the context."""
    with SampleAgents(cloud.folder) as agents:
        fleet = Fleet(cloud, agents, most)
        yield fleet
        node_ids = list(fleet.by_node())
    for node_id in node_ids:
        fleet.operator.call("DELETE", f"/api/v1/nodes/{node_id}")


class _Tail:
    """The log of an agent, read once: looking at it must cost nothing while something is timed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self._unseen = ""

    def has_new(self, event: str) -> bool:
        """Whether it has been logged since `forget`."""
        if self._path.exists() and self._path.stat().st_size > self._read_bytes:
            with self._path.open("rb") as log:
                log.seek(self._read_bytes)
                added = log.read()
            self._read_bytes += len(added)
            self._unseen += added.decode(errors="replace")
        return f'"event": "{event}"' in self._unseen

    def forget(self, event: str) -> None:
        """What was logged so far is no news."""
        self._unseen = self._unseen.rpartition(f'"event": "{event}"')[2]
