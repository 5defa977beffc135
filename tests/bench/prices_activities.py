"""What each thing that happens uses, counted in process on the deployed handlers and routes."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.kit.tables import Item, Table
from chalicelib.platform.context import ScheduleSource
from infra.functions import FUNCTIONS
from tests.bench import prices
from tests.bench.prices import Usage
from tests.bench.prices_agent import LISTS_OF_AN_EXECUTION
from tests.bench.prices_world import PricedClient, PricedWorld
from tests.support.callers import Agent, connect, enrolled
from tests.support.declared import FAMILIES, TABLES
from tests.support.fakes.dynamo_sizes import item_bytes, project
from tests.support.world import World

CLUSTER = "north"

FLEET = 50
"""Nodes of a world; what is shared by a fleet (a command, a sweep's queries) is divided by it."""

ACTING_TOGETHER = 10
"""Agents whose changes the stream hands over in one batch."""

METRICS_LINES = 1000
"""Of a text that is pushed: about what node_exporter writes for a small machine."""

AGENT_LINES = 40
"""Of a text that the sample agent writes about itself."""

Times = Callable[[], object]


@dataclass(frozen=True)
class Activities:
    """Each is the usage of one, ``discovery`` of a node in an answer of many. ``ticks`` are the schedules' runs with
    nothing to do, by function."""

    beat: Usage
    connect: Usage
    disconnect: Usage
    poll_pending: Usage
    poll_sent: Usage
    poll_when_due: Usage
    health_report: Usage
    look_connected: Usage
    look_polling: Usage
    execution_connected: Usage
    execution_long_way: Usage
    execution_polling: Usage
    execution_in_waves: Usage
    secrets: Usage
    delivery: Usage
    metrics_push: Usage
    metrics_read: Usage
    agent_metrics_push: Usage
    agent_metrics_read: Usage
    discovery: Usage
    installation_metrics: Usage
    enrolment: Usage
    ticks: Mapping[str, Usage]
    node_bytes: float
    execution_bytes: float


class Stage:
    """A world with a fleet of which every node is connected, or none."""

    def __init__(self, *, connected: bool, **settings: Any) -> None:
        self.world = PricedWorld(**settings)
        self.client: PricedClient = self.world.client()
        self.client.post("/api/v1/clusters", json={"name": CLUSTER})
        self.before_enrolment = stored_bytes(self.world)
        before = self.world.spent
        self.agents = enrolled(self.client, FLEET, CLUSTER)
        self.world.settle()
        self.enrolment = (self.world.spent - before) * (1 / FLEET)
        self.is_told = connected and self.world.platform.settings.short_way
        if connected:
            for place, agent in enumerate(self.agents):
                agent.register(None, CLUSTER, features=["work"])
                connect(self.world, agent, f"socket-{place}")
            self.world.settle()

    def used_by(self, do: Times, times: int = 1) -> Usage:
        """What one of so many uses."""
        before = self.world.spent
        do()
        return (self.world.spent - before) * (1 / times)

    def beat(self, place: int) -> None:
        self.world.call("chalicelib.fleet.workers.connections.message", _socket_event(place))

    def disconnect(self, place: int) -> None:
        self.world.call("chalicelib.fleet.workers.connections.disconnect", _socket_event(place))

    def sweep(self, worker: str) -> None:
        self.world.sweep(worker)
        self.world.settle()

    def run_command(self) -> None:
        """For all; the agents are a few at a time at it."""
        self.client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
        self.world.settle()
        for start in range(0, FLEET, ACTING_TOGETHER):
            for agent in self.agents[start : start + ACTING_TOGETHER]:
                self.live_through(agent)
            self.world.settle()
        self.world.queue_client.release_delayed()  # a second has passed
        self.world.settle()

    def run_in_waves(self) -> None:
        """The same command, to as many at a time as act together."""
        body = {"command_text": "true", "targeting": {"type": "all"}, "rollout": {"max_concurrency": ACTING_TOGETHER}}
        self.client.post("/api/v1/commands", json=body)
        self.world.settle()
        by_id = {agent.id: agent for agent in self.agents}
        while told := [row["node_id"] for row in self.world.driver.rows(EXECUTIONS) if row["status"] == "pending"]:
            for node_id in told:
                self.live_through(by_id[str(node_id)])
            self.world.settle()

    def live_through(self, agent: Agent) -> None:
        """Take what the wake-up has told, or the list shows, and report it."""
        rows = [row for row in self.world.driver.rows(EXECUTIONS) if row["node_id"] == agent.id]
        told = [str(row["id"]) for row in rows if self.is_told and row["status"] == "pending"]
        if told:
            agent.claim(*told)
            for execution_id in told:
                agent.report(execution_id, exit_code=0, output="done\n")
        else:
            live_through(agent)


@cache
def activities() -> Activities:
    """Measured once in a process."""
    sockets, polling = Stage(connected=True), Stage(connected=False)
    first = sockets.agents[0]
    sockets.world.clock.advance(100)
    beat = sockets.used_by(lambda: sockets.beat(0))
    poll_pending = sockets.used_by(first.poll)
    poll_sent = sockets.used_by(lambda: first.poll("sent"))
    sockets.world.clock.advance(100)
    health_report = sockets.used_by(first.heartbeat)
    polling.world.clock.advance(60)
    poll_when_due = polling.used_by(polling.agents[0].poll)
    return Activities(
        beat=beat,
        connect=sockets.used_by(lambda: connect(sockets.world, first, "socket-0")),
        disconnect=sockets.used_by(lambda: sockets.disconnect(0)),
        poll_pending=poll_pending,
        poll_sent=poll_sent,
        poll_when_due=poll_when_due,
        health_report=health_report,
        look_connected=_look(connected=True, heard_after=540, looked_after=HealthLimits().connected_seconds - 530),
        look_polling=_look(connected=False, heard_after=290, looked_after=HealthLimits().unreachable_seconds - 280),
        execution_connected=_execution(connected=True),
        execution_long_way=_execution(connected=True, short_way=False),
        execution_polling=_execution(connected=False),
        execution_in_waves=_execution_in_waves(),
        secrets=_secrets(),
        delivery=_delivery(),
        metrics_push=polling.used_by(lambda: _push_metrics(polling, "host", METRICS_LINES)),
        metrics_read=polling.used_by(lambda: _read(polling, f"nodes/{polling.agents[0].id}/metrics/host/raw")),
        agent_metrics_push=polling.used_by(lambda: _push_metrics(polling, "agent", AGENT_LINES)),
        agent_metrics_read=polling.used_by(lambda: _read(polling, f"nodes/{polling.agents[0].id}/metrics/agent/raw")),
        discovery=polling.used_by(lambda: _read(polling, "nodes/metrics/host/discovery"), FLEET),
        installation_metrics=polling.used_by(lambda: _read(polling, "admins/me/metrics/raw")),
        enrolment=polling.enrolment,
        ticks=_ticks(),
        node_bytes=(stored_bytes(polling.world) - polling.before_enrolment) / FLEET,
        execution_bytes=_execution_bytes(),
    )


def live_through(agent: Agent) -> None:
    """Take what waits, and report it."""
    for execution_id in agent.waiting():
        agent.acknowledge(execution_id)
        for _ in range(LISTS_OF_AN_EXECUTION - 1):
            agent.poll("sent")
        agent.report(execution_id, exit_code=0, output="done\n")


def stored_bytes(world: World, tables: Sequence[Table] | None = None) -> float:
    """Rows and index entries, as storage is charged; by default of all tables."""
    every = world.platform.families.tables if tables is None else tables
    return sum(_entry_bytes(table, row) for table in every for row in world.driver.rows(table))


def _entry_bytes(table: Table, row: Item) -> float:
    entries = [row, *(entry for index in table.indexes if (entry := project(table, index, row)) is not None)]
    return sum(item_bytes(entry) + prices.ITEM_OVERHEAD.value for entry in entries)


def _look(*, connected: bool, heard_after: float, looked_after: float) -> Usage:
    """The health sweep at a node that is due and was heard meanwhile, beside what the sweep costs in any case."""
    stage = Stage(connected=connected)
    stage.world.clock.advance(heard_after)
    for place, agent in enumerate(stage.agents):
        if connected:
            stage.beat(place)
        else:
            agent.poll()
    stage.world.clock.advance(looked_after)
    stage.world.fleet.nodes.terms.keep()  # what a container remembers for minutes is no part of a node's share
    with_work = stage.used_by(lambda: stage.sweep("check_health"))
    nothing_due = stage.used_by(lambda: stage.sweep("check_health"))
    return (with_work - nothing_due) * (1 / FLEET)


def _execution(*, connected: bool, short_way: bool = True) -> Usage:
    """From its creation to its last event; a share of the command's own cost included. Polls that find it included."""
    stage = Stage(connected=connected, short_way=short_way)
    return stage.used_by(stage.run_command, FLEET)


def _execution_in_waves() -> Usage:
    stage = Stage(connected=True)
    return stage.used_by(stage.run_in_waves, FLEET)


def _secrets() -> Usage:
    """What an agent fetches more of an execution of a script with a secret."""
    stage = Stage(connected=True)
    password = {"name": "PASSWORD", "type": "string", "sensitive": True, "secret": "reporting-password"}
    stage.client.request("PUT", "/api/v1/secrets/reporting-password", json={"value": "s" * 32})
    stage.client.request("PUT", "/api/v1/scripts/report", json={"script_text": "report", "parameters": [password]})
    answer = stage.client.post("/api/v1/scripts/report/run", json={"targeting": {"type": "all"}})
    if answer.status != 201:
        raise ValueError(answer.text)
    stage.world.settle()
    waiting = [(agent, agent.waiting()[0]) for agent in stage.agents]
    return stage.used_by(lambda: [agent.environment(execution_id) for agent, execution_id in waiting], FLEET)


def _execution_bytes() -> float:
    stage = Stage(connected=False)
    stage.run_command()
    tables = [table for table in TABLES if table.name == "executions"]
    return stored_bytes(stage.world, tables) / FLEET


def _delivery() -> Usage:
    """One event to one webhook that takes it at once: what a run with a webhook uses more than the same run without."""
    plain, watched = Stage(connected=True), Stage(connected=True)
    body = {
        "url": "https://hooks.example/edge",
        "secret": "s" * 32,
        "subscribed_events": ["edge.command_execution.completed"],
    }
    answer = watched.client.post("/api/v1/webhooks", json=body)
    if answer.status != 201:
        raise ValueError(answer.text)
    watched.world.settle()
    return watched.used_by(watched.run_command, FLEET) - plain.used_by(plain.run_command, FLEET)


def _push_metrics(stage: Stage, kind: str, lines: int) -> None:
    chance = random.Random(1)
    text = "\n".join(
        f'node_example_seconds_total{{cpu="{line % 8}",mode="{line // 8}"}} {chance.random() * 1e6:.2f}'
        for line in range(lines)
    )
    agent = stage.agents[0]
    body = {"metrics_type": kind, "metrics_text": text}
    answer = stage.client.request("POST", "/api/v1/agents/metrics/push", json=body, key=agent.token)
    if answer.status != 200:
        raise ValueError(answer.text)


def _read(stage: Stage, path: str) -> None:
    answer = stage.client.get(f"/api/v1/{path}")
    if answer.status != 200:
        raise ValueError(answer.text)


def _ticks() -> dict[str, Usage]:
    """A run of each schedule in an empty installation."""
    world = PricedWorld(families=FAMILIES)
    usages = {}
    for each in FUNCTIONS:
        if isinstance(each.source, ScheduleSource):
            world.sweep(each.name)
            before = world.spent
            world.sweep(each.name)
            usages[each.name] = world.spent - before
    return usages


def _socket_event(place: int) -> dict[str, Any]:
    context = {
        "connectionId": f"socket-{place}",
        "requestId": f"request-of-socket-{place:04}",
        "identity": {"sourceIp": "198.51.100.9"},
    }
    return {"requestContext": context}
