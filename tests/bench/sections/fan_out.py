"""Fan-out: calls for each node, executions a second, no hot key, and a fleet that enrols at once.

Counts come from the fake, on which the limits of a partition key hold; time there is the fake's own clock. Executions a
second are those of the deployed worker against a local cloud, beside a bare loop of the same transactions.
"""

from collections.abc import Iterator, Sequence
from math import ceil

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.nodes.store import SHARDS
from chalicelib.kit.tables import TRANSACTION_LIMIT, Call
from tests.application.fleet.commands.fleet import command, fan_out
from tests.bench.report import Figure
from tests.bench.throughput import pace_of
from tests.support.callers import a_key, bill_of
from tests.support.large_world import large_world
from tests.workers.fleet.enrollment.test_enrolment_storm import SECONDS, Storm, statuses
from tests.workers.platform.relay.test_hot_keys import MOST_OF_ALL, UNITS_PER_SECOND, Ledger, story

TITLE = "Fan-out"

FLEETS = (100, 1_000, 10_000)
HOT_FLEET, QUICK_HOT_FLEET = 10_000, 1_000
RACING_FLEET = 2_000
ENROLLING, QUICK_ENROLLING = 200, 50

MOST_OF_THE_LEAST = 1.3
SAME = 1.3
"""What a node more may cost in a large fleet, as a part of that in a small one: the last transaction of each partition
of the targets is seldom full."""

LEAST_PACE = 0.7

GUARD = 1
"""Of the writes of a transaction one is the check that the command still stands."""


def measure(*, quick: bool) -> Iterator[Figure]:
    yield from _calls()
    yield from _partitions(QUICK_HOT_FLEET if quick else HOT_FLEET)
    yield from _enrolment(QUICK_ENROLLING if quick else ENROLLING)
    if not quick:
        yield from _paces()


def least_calls(nodes: int) -> int:
    """What DynamoDB's limits leave to do: a page of each partition of the targets, 100 writes a transaction, one read
    of what is to be done and one write to say that it is."""
    return SHARDS + ceil(nodes / (TRANSACTION_LIMIT - GUARD)) + 2


def _calls() -> Iterator[Figure]:
    counts: list[int] = []
    for nodes in FLEETS:
        calls = _fan_out(nodes)
        transactions = sum(call.operation == "TransactWriteItems" for call in calls)
        counts.append(len(calls))
        per_node = round(len(calls) / nodes, 4)
        yield Figure(f"fan-out to {nodes:,}: calls for each node", per_node, "calls", counted=True)
        yield _part(f"fan-out to {nodes:,}: calls beside the least", len(calls) / least_calls(nodes), MOST_OF_THE_LEAST)
        least = ceil(nodes / (TRANSACTION_LIMIT - GUARD))
        yield _part(f"fan-out to {nodes:,}: transactions beside the least", transactions / least, MOST_OF_THE_LEAST)
    few, some, many = counts
    first = (some - few) / (FLEETS[1] - FLEETS[0])
    later = (many - some) / (FLEETS[2] - FLEETS[1])
    name = "fan-out: calls for a node more, from 1,000 to 10,000"
    yield Figure(name, round(later / first, 3), "of that from 100 to 1,000", SAME, counted=True)


def _fan_out(nodes: int) -> Sequence[Call]:
    world = large_world(nodes, ["nodes"]).world
    before = len(world.driver.rows(EXECUTIONS))
    calls = fan_out(world, command(world))
    created = len(world.driver.rows(EXECUTIONS)) - before
    if created != nodes:
        raise RuntimeError(f"{created} executions for {nodes} nodes")
    return calls


def _part(name: str, value: float, target: float) -> Figure:
    return Figure(name, round(value, 3), "times", target, counted=True)


def _partitions(fleet: int) -> Iterator[Figure]:
    """A command for all, woken within ten seconds, and all results."""
    ledger: Ledger = story(fleet)
    (_, most), *_ = ledger.units.most_common(1)
    told = f"{FLEETS[-1]:,} nodes and their reports"
    yield Figure(f"{told}: throttled calls", len(ledger.refused), "calls", 0, counted=True)
    peak = max(ledger.peaks.values())
    yield Figure(f"{told}: busiest second of a key", peak, "write units", UNITS_PER_SECOND, counted=True)
    share = round(most / ledger.units.total(), 4)
    yield Figure(f"{told}: share of the busiest key", share, "of all write units", MOST_OF_ALL, counted=True)


def _enrolment(fleet: int) -> Iterator[Figure]:
    """Everybody at once, while a fifth of the transactions is cancelled."""
    storm = Storm()
    blob = a_key(storm.client, "north", uses_remaining=None)
    agents = storm.agents(fleet)
    bill = bill_of(storm.world)
    began = storm.world.clock.now()
    outcomes = statuses(storm.at_once([lambda agent=agent: agent.enrol(blob, "north") for agent in agents]))
    seconds = (storm.world.clock.now() - began).total_seconds()
    told = f"{ENROLLING} agents enrol at once"
    yield Figure(f"{told}: agents refused", fleet - outcomes[200, 201], "agents", 0, counted=True)
    yield Figure(f"{told}: until the last is in, by the fake's clock", round(seconds, 2), "s", SECONDS, counted=True)
    calls = round(len(bill.all) / fleet, 1)
    yield Figure(f"{told}: calls of each, repeats included", calls, "calls", counted=True)


def _paces() -> Iterator[Figure]:
    pace = pace_of(RACING_FLEET)
    yield Figure("executions created a second, 4 processes", round(pace.fan_out), "1/s")
    yield Figure("a bare loop of the same transactions", round(pace.bare), "1/s")
    yield Figure("executions created a second, of the bare loop", round(pace.ratio, 2), "share", LEAST_PACE, "more")
