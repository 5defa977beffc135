"""No hot key: a command for 2,000 nodes and its 2,000 results, with DynamoDB's limit of a partition key in force.

Time is the fake's. Four workers create executions at once, every call takes 5 ms; then each agent, woken within ten
seconds, acknowledges, runs for a second and reports, while the relay and the workers follow and move the totals.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.store import EXECUTIONS, execution_id
from chalicelib.fleet.nodes.model import Node
from chalicelib.kit.tables import BusyError
from tests.application.fleet.commands.fleet import command, nodes
from tests.support.declared import WORKERS
from tests.support.fakes.dynamo_faults import PartitionLimit
from tests.support.world import World, sqs_record

pytestmark = pytest.mark.slow

FLEET = 2000
UNITS_PER_SECOND = 1000
WORKERS_AT_ONCE = 4
CALL_SECONDS = 0.005
WAKING_SECONDS = 10.0
RUNNING_SECONDS = 1.0
SETTLED_EVERY = 100
"""Writes of agents until relay and workers have caught up. All at the end would be one second of the fake's clock."""

MOST_OF_ALL = 0.05
"""No partition key takes more than this share of all write units. The busiest are those of the index by command: 3 of
the 18 units of every execution, spread over 4 keys, are a 24th each."""

Partition = tuple[str, Any]


class Ledger(PartitionLimit):
    """The limit, and what it saw: units by partition, the largest second of each, and what was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.units_per_second = UNITS_PER_SECOND
        self.units: Counter[Partition] = Counter()
        self.refused: list[str] = []
        self._seconds: Counter[tuple[Partition, datetime]] = Counter()

    def spend(self, costs: Sequence[tuple[Partition, float]], now: datetime) -> None:
        try:
            super().spend(costs, now)
        except BusyError as error:
            self.refused.append(str(error))
            raise
        for partition, units in costs:
            self.units[partition] += int(units)
            self._seconds[partition, now.replace(microsecond=0)] += int(units)

    @property
    def peaks(self) -> Counter[Partition]:
        """The most units that each partition took in one second."""
        most: Counter[Partition] = Counter()
        for (partition, _), units in self._seconds.items():
            most[partition] = max(most[partition], units)
        return most


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return story(FLEET)


def story(size: int) -> Ledger:
    """What a fleet of that size wrote, from the command to the last total."""
    world = World()
    fleet = nodes(world, size)
    list(world.relay_batches())  # the fleet has stood for long
    ledger = Ledger()
    world.driver.limit_partitions_by(ledger)
    made = command(world)
    create(world)
    world.driver.latency(0)
    for place, at in enumerate(_times(world, fleet, made.id)):
        world.clock.set(at[0])
        _act(world, *at[1:])
        if place % SETTLED_EVERY == 0:
            world.settle()
    world.settle()
    assert Counter(row["status"] for row in world.driver.rows(EXECUTIONS)) == {"completed": size}
    assert world.platform.counters.read("executions#status#completed") == size
    return ledger


def create(world: World) -> None:
    """The relay asks for executions, and some workers make them side by side."""
    world.driver.latency(CALL_SECONDS)
    world.relay_only()
    handler = WORKERS[EXECUTION_CREATION]
    waiting: deque[Any] = deque()
    while waiting or (waiting := deque(world.queue_client.take(EXECUTION_CREATION))):
        taken = [waiting.popleft() for _ in range(min(WORKERS_AT_ONCE, len(waiting)))]
        tasks = [partial(world.call, handler, {"Records": [sqs_record(body)]}) for body in taken]
        assert world.clock.run_together(tasks) == [{"batchItemFailures": []}] * len(tasks)


def _times(world: World, fleet: Sequence[Node], command_id: str) -> Iterator[tuple[datetime, str, str, bool]]:
    """When each agent does what, in order: (time, node, execution, whether it is done)."""
    start = world.clock.now() + timedelta(seconds=1)
    steps = []
    for place, node in enumerate(fleet):
        woken = start + timedelta(seconds=WAKING_SECONDS * place / len(fleet))
        mine = execution_id(command_id, node.id)
        steps.append((woken, node.id, mine, False))
        steps.append((woken + timedelta(seconds=RUNNING_SECONDS), node.id, mine, True))
    return iter(sorted(steps))


def _act(world: World, node_id: str, mine: str, is_done: bool) -> None:
    if is_done:
        world.fleet.commands.executions.report(node_id, mine, Report(is_expired=False, output="done\n", exit_code=0))
    else:
        world.fleet.commands.executions.acknowledge(node_id, mine)


def test_large_command_throttles_no_partition(ledger):
    assert ledger.refused == []
    assert max(ledger.peaks.values()) <= UNITS_PER_SECOND


def test_large_command_has_no_hot_partition_key(ledger):
    (partition, units), *_ = ledger.units.most_common(1)
    assert units / ledger.units.total() <= MOST_OF_ALL, partition


def test_execution_indexes_spread_writes_evenly_over_shards(ledger):
    """Of each index of executions, the busiest key takes at most a tenth more than its even share."""
    for index in EXECUTIONS.indexes:
        mine = {key: units for (name, key), units in ledger.units.items() if name == f"executions/{index.name}"}
        by_kind: dict[str, list[int]] = {}
        for key, units in mine.items():
            by_kind.setdefault(str(key).rpartition("#")[0], []).append(units)
        for kind, shares in by_kind.items():
            assert max(shares) <= 1.1 * sum(shares) / len(shares), (index.name, kind)


def test_totals_take_under_five_percent_of_write_units(ledger):
    counted = sum(units for (name, _), units in ledger.units.items() if name == "counters")
    assert counted / ledger.units.total() < 0.05
