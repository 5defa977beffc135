"""How long the main job takes, in the local cloud with real agent processes: from ``POST /commands`` until the last
result is written. And where that time goes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from statistics import median, quantiles
from typing import Any

from chalicelib.kit.clock import SystemClock
from infra.local.agents import SampleAgent
from tests.bench.fleet import Fleet, running_fleet
from tests.bench.fleet_cloud import POLL_SECONDS, shared_cloud, wait_until_quiet
from tests.bench.hops import HOPS, Journey, Run, Timeline
from tests.bench.report import Figure
from tests.e2e.link import Link

TITLE = "Latency: a command on idle connected agents, in the local cloud"

COMMAND = "true"
TARGETS_MS = {1: 400.0, 10: 700.0}
"""Salt 3007 on such a machine takes 0.71 s for 10 minions by its command line, 0.35 s by a warm client."""

FULL_RUNS = {1: 20, 10: 15, 50: 6}
QUICK_RUNS = {1: 3, 3: 3}
FULL_POLLED_RUNS, QUICK_POLLED_RUNS = 6, 2

WARM_UPS = 1

EVERYBODY = {"type": "all"}


def measure(*, quick: bool) -> Iterable[Figure]:
    runs_of = QUICK_RUNS if quick else FULL_RUNS
    cloud = shared_cloud()
    with running_fleet(cloud, max(runs_of) + 1) as fleet:
        runs: dict[int, list[Run]] = {}
        for agents, count in runs_of.items():
            fleet.grow_to(agents)
            _run(fleet, EVERYBODY, WARM_UPS)
            runs[agents] = _run(fleet, EVERYBODY, count)
        polled = _run_polling(fleet, QUICK_POLLED_RUNS if quick else FULL_POLLED_RUNS)
        timeline, by_node = Timeline(cloud), fleet.by_node()
        journeys = {agents: [timeline.journey(run, by_node) for run in mine] for agents, mine in runs.items()}
        totals = [timeline.journey(run, by_node).total_ms for run in polled]
    for agents, mine in journeys.items():
        yield from _figures(agents, mine)
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


def _figures(agents: int, journeys: Sequence[Journey]) -> Iterator[Figure]:
    totals = [journey.total_ms for journey in journeys]
    name = f"{agents} agent{'s' * (agents > 1)}"
    yield Figure(f"{name}: POST to the last completed, median", median(totals), "ms", TARGETS_MS.get(agents))
    yield Figure(f"{name}: POST to the last completed, 95th percentile", _percentile_95(totals), "ms")
    for hop in HOPS:
        spent = sum(journey.hops_ms[hop] for journey in journeys)
        yield Figure(f"{name}: share of {hop}", 100 * spent / sum(totals), "%")


def _percentile_95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]
