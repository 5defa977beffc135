"""Thousands of light agents in one process, against the real handlers on fakes.

Routes, workers, relay and counters are the deployed ones; API Gateway, Lambda's event sources and DynamoDB are played.
Everything that a queue or a stream delivers is delivered twice, and some agents lose an answer and say it again.
"""

import random
import time
from collections import Counter
from dataclasses import dataclass

from chalicelib.fleet.commands.store import EXECUTIONS
from infra.functions import QUEUES
from tests.support.callers import Agent, enrolled, operator
from tests.support.world import World

CLUSTER = "north"
ACTING_TOGETHER = 100
"""Agents that act between two rounds of the relay and the workers."""

REPEATED = 0.02
"""Share of results whose answer is lost, so that the agent sends them again."""

MOST_ROUNDS = 5
OK, CONFLICT = 200, 409


@dataclass(frozen=True)
class Outcome:
    """What became of one command for the whole fleet."""

    nodes: int
    requests: int
    seconds: float
    statuses: Counter[str]
    counted_completed: int
    events: Counter[str]
    messages_left: int
    refusals: int

    @property
    def completed(self) -> int:
        return self.statuses["completed"]


class LightFleet:
    """``count`` enrolled agents."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self._world = World()
        self._chance = random.Random(seed)
        self._client = operator(self._world)
        self._client.post("/api/v1/clusters", json={"name": CLUSTER})
        self._agents = enrolled(self._client, count, CLUSTER)
        self._requests = 2 * count
        self._refusals = 0
        self._world.settle()
        self._known_events = len(self._world.bus_client.envelopes)

    def run_command(self) -> Outcome:
        """One command for all; every agent polls, acknowledges and reports until nobody waits any more."""
        started = time.perf_counter()
        body = {"command_text": "true", "targeting": {"type": "all"}}
        self._client.post("/api/v1/commands", json=body)
        waiting = list(self._agents)
        for _ in range(MOST_ROUNDS):
            self._chance.shuffle(waiting)
            waiting = [
                agent for start in self._starts(waiting) for agent in self._act(waiting[start:][:ACTING_TOGETHER])
            ]
            if not waiting:
                break
        return self._outcome(time.perf_counter() - started)

    def _starts(self, agents: list[Agent]) -> range:
        return range(0, len(agents), ACTING_TOGETHER)

    def _act(self, agents: list[Agent]) -> list[Agent]:
        """Let these agents poll, and then relay and workers follow; returns those that found nothing yet."""
        idle = [agent for agent in agents if not self._poll(agent)]
        self._world.clock.advance(1)
        self._world.settle(twice=True)
        return idle

    def _poll(self, agent: Agent) -> bool:
        ids = agent.waiting()
        self._requests += 1
        for execution_id in ids:
            self._count(agent.acknowledge(execution_id).status)
            self._count(agent.report(execution_id, exit_code=0, output="done\n").status)
            if self._chance.random() < REPEATED:
                self._count(agent.report(execution_id, exit_code=0, output="done\n").status, OK, CONFLICT)
        return bool(ids)

    def _count(self, status: int, *expected: int) -> None:
        self._requests += 1
        self._refusals += status not in (expected or (OK,))

    def _outcome(self, seconds: float) -> Outcome:
        world = self._world
        told = {envelope["id"]: envelope["type"] for envelope in world.bus_client.envelopes[self._known_events :]}
        return Outcome(
            nodes=len(self._agents),
            requests=self._requests,
            seconds=seconds,
            statuses=Counter(str(row["status"]) for row in world.driver.rows(EXECUTIONS)),
            counted_completed=world.platform.counters.read("executions#status#completed"),
            events=Counter(told.values()),
            messages_left=sum(len(world.queue_client.bodies(queue)) for queue in QUEUES),
            refusals=self._refusals,
        )
