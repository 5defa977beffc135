"""Many at once: 16 concurrent clients on the local API, and a fleet of thousands on the handlers.

The fleet runs in process: two processors give the local cloud's HTTP some hundred requests a second, of which 2,000
nodes that enrol, poll, acknowledge and report want ten thousand. What differs is the transport, which the first part
has.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.kit.clock import SystemClock
from chalicelib.kit.ids import Ids
from infra.local.cloud import LocalCloud
from infra.local.operator_api import Operator
from tests.bench.fleet_clients import AGENTS_OF_A_CLIENT, CLIENTS, CLUSTER, THROTTLED, LightAgent, LoadClient, at_once
from tests.bench.fleet_cloud import shared_cloud, wait_until_quiet
from tests.bench.fleet_light import LightFleet
from tests.bench.fleet_processes import MemoryWatch
from tests.bench.report import Figure
from tests.support.aws_clients import local_client

TITLE = "Load"

FULL_SECONDS, QUICK_SECONDS = 60.0, 5.0
FULL_NODES, QUICK_NODES = 2000, 200
WARM_UP_SECONDS = 3.0

MOST_GROWTH = 1.05
"""A function's memory is called flat if its last quarter has at most so much of the first."""


def measure(*, quick: bool) -> Iterable[Figure]:
    yield from _clients(shared_cloud(), QUICK_SECONDS if quick else FULL_SECONDS)
    yield from _light_fleet(QUICK_NODES if quick else FULL_NODES)


def _clients(cloud: LocalCloud, seconds: float) -> Iterator[Figure]:
    statuses: Counter[int] = Counter()
    clients, agents = _enrolled(cloud, statuses)
    at_once([partial(client.run_until, time.monotonic() + WARM_UP_SECONDS) for client in clients])
    statuses.clear()
    with MemoryWatch(cloud) as watch:
        at_once([partial(client.run_until, time.monotonic() + seconds) for client in clients])
    requests, throttled = statuses.total(), statuses[THROTTLED]
    wait_until_quiet(cloud)
    at_once([client.drain for client in clients])
    wait_until_quiet(cloud)
    for client in clients:
        client.close()
    errors = sum(count for status, count in statuses.items() if status not in {THROTTLED, *range(200, 300)})
    name = f"{CLIENTS} clients"
    yield Figure(f"{name}: requests", requests / seconds, "per second")
    yield Figure(f"{name}: throttled", throttled, "answers")
    yield Figure(f"{name}: errors other than throttling", errors, "answers", target=0, counted=True)
    left = _open_executions(cloud)
    reported = sum(agent.reported for agent in agents)
    yield Figure(f"{name}: executions reported", reported, "executions")
    yield Figure(f"{name}: executions lost or left open", left, "executions", target=0, counted=True)
    for function, ratio in sorted(watch.growth().items()):
        if function in {"api_handler", "relay_changes", "create_executions", "publish_events"}:
            yield Figure(f"memory of {function}: last quarter over first", ratio, "times", target=MOST_GROWTH)


def _enrolled(cloud: LocalCloud, statuses: Counter[int]) -> tuple[list[LoadClient], list[LightAgent]]:
    operator = Operator(cloud.url, cloud.master_key)
    operator.create_cluster(CLUSTER)
    blob = operator.create_enrollment_key(CLUSTER, CLIENTS * AGENTS_OF_A_CLIENT)
    ids, clock, url = Ids(), SystemClock(), cloud.url
    agents = [LightAgent(url, blob, ids.uuid7(clock.now()), statuses) for _ in range(CLIENTS * AGENTS_OF_A_CLIENT)]
    shares = [agents[place::CLIENTS] for place in range(CLIENTS)]
    key = cloud.master_key
    return [LoadClient(number, url, key, share, statuses) for number, share in enumerate(shares)], agents


def _open_executions(cloud: LocalCloud) -> int:
    """Executions that are not completed."""
    name = f"{cloud.table_prefix}{EXECUTIONS.name}"
    pages = local_client(cloud.emulator_url, "dynamodb").get_paginator("scan").paginate(TableName=name)
    statuses = Counter(item["status"]["S"] for page in pages for item in page["Items"])
    return statuses.total() - statuses["completed"]


def _light_fleet(count: int) -> Iterator[Figure]:
    started = time.perf_counter()
    fleet = LightFleet(count)
    enrolled = time.perf_counter() - started
    outcome = fleet.run_command()
    name = f"a fleet of {outcome.nodes:,}" if count == FULL_NODES else "a small fleet"
    yield Figure(f"{name}: nodes", outcome.nodes, "nodes", counted=True)
    yield Figure(f"{name}: enrolled", outcome.nodes / enrolled, "per second")
    yield Figure(f"{name}: executions completed", outcome.completed / outcome.seconds, "per second")
    lost = outcome.nodes - outcome.completed
    uncounted = outcome.completed - outcome.counted_completed
    told = min(outcome.events[kind] for kind in _EVENTS) - max(outcome.events[kind] for kind in _EVENTS)
    for what, value, unit in (
        ("executions lost", lost, "executions"),
        ("events lost or doubled", abs(told) + abs(3 * outcome.nodes - outcome.events.total()), "events"),
        ("completed but not counted", abs(uncounted), "executions"),
        ("answers that were neither 200 nor the 409 of a repeat", outcome.refusals, "answers"),
        ("messages left", outcome.messages_left, "messages"),
    ):
        yield Figure(f"{name}: {what}", value, unit, target=0, counted=True)


_EVENTS = tuple(f"edge.command_execution.{step}" for step in ("created", "sent", "completed"))
