"""How long the main job takes, in the local cloud with real agent processes: from ``POST /commands`` until the last
result is written. And where that time goes, on the short way and on the long one, one after the other on the same
agents."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from statistics import median, quantiles
from typing import Any

from chalicelib.kit.clock import SystemClock
from infra.local.agents import SampleAgent
from tests.bench import ways
from tests.bench.fleet import Fleet, running_fleet
from tests.bench.fleet_cloud import POLL_SECONDS, shared_cloud, wait_until_quiet
from tests.bench.hops import HOPS, Journey, Run, Timeline
from tests.bench.peers import PEERS, VARIABLE
from tests.bench.report import Figure
from tests.e2e.link import Link

TITLE = "Latency: a command on idle connected agents, in the local cloud"

COMMAND = "true"
TARGETS_MS = {1: 400.0, 10: 700.0}

BESIDE_PEERS = (1, 10)
"""Machines for which Salt and Ansible are asked for the same, where they are installed."""

TARGET_SHARES = {1: 0.65, 10: 0.65, 50: 0.8}
"""The time of the short way, of that of the long one."""

REQUESTS = {ways.SHORT: 2.0, ways.LONG: 3.0}
"""Those of a short command on a connected machine."""

FULL_RUNS = {1: 20, 10: 15, 50: 6}
QUICK_RUNS = {1: 3, 3: 3}
FULL_POLLED_RUNS, QUICK_POLLED_RUNS = 6, 2

WARM_UPS = 3
"""Functions start anew where the way changes, some copies at a time."""

EVERYBODY = {"type": "all"}

Series = tuple[int, str]
"""How many agents, and the way."""


def measure(*, quick: bool) -> Iterable[Figure]:
    runs_of = QUICK_RUNS if quick else FULL_RUNS
    cloud = shared_cloud()
    runs: dict[Series, list[Run]] = {}
    requests: dict[Series, float] = {}
    with running_fleet(cloud, max(runs_of) + 1) as fleet:
        for agents, count in runs_of.items():
            fleet.grow_to(agents)
            for way in (ways.LONG, ways.SHORT):
                ways.take(cloud, way)
                _run(fleet, EVERYBODY, WARM_UPS)
                wait_until_quiet(cloud)
                before = ways.requests_of_agents(cloud)
                runs[agents, way] = _run(fleet, EVERYBODY, count)
                wait_until_quiet(cloud)
                requests[agents, way] = (ways.requests_of_agents(cloud) - before) / (agents * count)
        polled = _run_polling(fleet, QUICK_POLLED_RUNS if quick else FULL_POLLED_RUNS)
        timeline, by_node = Timeline(cloud), fleet.by_node()
        journeys = {series: [timeline.journey(run, by_node) for run in mine] for series, mine in runs.items()}
        totals = [timeline.journey(run, by_node).total_ms for run in polled]
    for agents in runs_of:
        for way in (ways.SHORT, ways.LONG):
            yield from _figures(agents, way, journeys[agents, way], requests[agents, way])
        took = {way: median(each.total_ms for each in journeys[agents, way]) for way in (ways.SHORT, ways.LONG)}
        name = f"{_counted(agents)}: short way, of the time of the long way"
        yield Figure(name, took[ways.SHORT] / took[ways.LONG], "times", TARGET_SHARES.get(agents))
        if agents in BESIDE_PEERS:
            yield from _beside_peers(agents, took[ways.SHORT], runs_of[agents])
    yield Figure(f"polling only, every {POLL_SECONDS} s: 1 agent, median", median(totals), "ms")
    yield Figure(f"polling only, every {POLL_SECONDS} s: 1 agent, longest", max(totals), "ms")


def _run(fleet: Fleet, targeting: dict[str, Any], count: int, agents: Sequence[SampleAgent] | None = None) -> list[Run]:
    """One command after the other, each when all is quiet again."""
    runs = []
    for _ in range(count):
        wait_until_quiet(shared_cloud())
        asked = SystemClock().now()
        answer = fleet.operator.call("POST", "/api/v1/commands", {"command_text": COMMAND, "targeting": targeting})
        fleet.wait_for_reports(agents)
        runs.append(Run(answer["data"]["id"], asked))
    return runs


def _run_polling(fleet: Fleet, count: int) -> list[Run]:
    """On one agent that no WebSocket reaches."""
    with closing(Link()) as link:
        link.takes_websockets = False
        agent = fleet.add_without_socket(link.environment)
        return _run(fleet, {"type": "nodes", "node_ids": [agent.node_id()]}, count, [agent])


def _figures(agents: int, way: str, journeys: Sequence[Journey], requests: float) -> Iterator[Figure]:
    totals = [journey.total_ms for journey in journeys]
    name = f"{_counted(agents)}, {way}"
    target = TARGETS_MS.get(agents) if way == ways.SHORT else None
    yield Figure(f"{name}: POST to the last completed, median", median(totals), "ms", target)
    yield Figure(f"{name}: POST to the last completed, 95th percentile", _percentile_95(totals), "ms")
    yield Figure(f"{name}: requests of agents for each execution", requests, "requests", REQUESTS[way])
    for hop in HOPS:
        spent = sum(journey.hops_ms[hop] for journey in journeys)
        yield Figure(f"{name}: share of {hop}", 100 * spent / sum(totals), "%")


def _beside_peers(agents: int, took_ms: float, count: int) -> Iterator[Figure]:
    for peer in PEERS:
        if peer.missing:
            print(f"{peer.name} is left out: {VARIABLE} names no folder with {', '.join(peer.missing)}")
            continue
        theirs = median(peer.times_ms(agents, count))
        yield Figure(f"{peer.name}: {_counted(agents)}, median", theirs, "ms")
        name = f"{_counted(agents)}: short way, of the time of {peer.name}"
        yield Figure(name, took_ms / theirs, "times", 1.0)


def _counted(agents: int) -> str:
    return f"{agents} agent{'s' * (agents > 1)}"


def _percentile_95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]
