"""What each operation may ask of DynamoDB, over HTTP: calls, transactions, write units.

The ceilings are the design's where it names one; the others fix what an operation was made to cost. Lists are tried
with 50 and with 3,000 rows: what is read for a page in key order must not depend on that.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import pytest

from chalicelib import bootstrap
from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.fleet.commands.store import EXECUTIONS, SHARDS
from chalicelib.fleet.nodes import store as nodes_store
from chalicelib.fleet.nodes.store import HEALTH_SHARDS
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.tables import Call
from chalicelib.platform.audit.store import TABLE as AUDIT_EVENTS
from tests.bench.operations import OPERATIONS
from tests.support.builders import a_cluster
from tests.support.callers import Agent, bill_of, enrolled, operator
from tests.support.client import Client, HttpAnswer
from tests.support.declared import FAMILIES
from tests.support.fakes.dynamo_sizes import item_bytes
from tests.support.large_world import LargeWorld, large_world
from tests.support.world import World, fleet_of

API = "/api/v1"
SIZES = [50, 3000]

SHOWN = 20
"""Rows of a page unless asked otherwise."""

IN_KEY_ORDER = 4
"""Keys, rows, count and counter; further partitions, presence and embedded rows come on top."""

FURTHER_SHARDS = SHARDS - 1
PARENT = 1
PRESENCE = 1
NODES = IN_KEY_ORDER + FURTHER_SHARDS + PRESENCE
EXECUTION_SHARDS = IN_KEY_ORDER + FURTHER_SHARDS + PARENT
CLUSTERS = IN_KEY_ORDER + SHOWN
"""The nodes of each cluster shown are one query."""


KINDS_OF_DUE_WORK = 4
"""Of commands, of self-update requests and of tasks: one query each."""


ADDED = 20
"""More rows of a kind than all tests together add to the world that they share: their order must not matter."""


def rows(count: int) -> int:
    """Calls that read so many rows, and the few that other tests of this module have added by then."""
    return ceil((count + ADDED) / 100)


@dataclass(frozen=True)
class Read:
    """A request by the names of a `LargeWorld`, and its ceiling as a function of how many rows there are."""

    path: str
    ceiling: Callable[[int], int]
    query: str = ""

    def __str__(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def same(calls: int) -> Callable[[int], int]:
    return lambda _: calls


BY_ID = [
    Read("/clusters/north", same(1 + PARENT)),
    Read("/enrollment_keys/{key}", same(1)),
    Read("/nodes/{node}", same(1)),
    Read("/commands/{command}", same(1 + SHARDS)),
    Read("/command_executions/{execution}", same(1 + PARENT)),
]

FIRST_PAGES = [
    Read(f"/{path}", same(calls), query)
    for path, calls in {
        "clusters": CLUSTERS,
        "enrollment_keys": IN_KEY_ORDER,
        "nodes": NODES,
        "commands": IN_KEY_ORDER,
        "command_executions": EXECUTION_SHARDS,
    }.items()
    for query in ("", "order_by=inserted_at&order_directions=asc", "inserted_at__gte=2026-01-01")
]

INDEXED = [
    Read("/clusters", same(2), "name=north"),
    Read("/enrollment_keys", same(IN_KEY_ORDER + PARENT), "cluster_name=north"),
    Read("/enrollment_keys", same(1), "key={blob}"),
    Read("/nodes", same(IN_KEY_ORDER + PRESENCE + PARENT), "cluster_name=north"),
    Read("/nodes", same(NODES), "status=healthy"),
    Read("/command_executions", same(EXECUTION_SHARDS), "status=completed"),
    Read("/command_executions", same(EXECUTION_SHARDS), "command_id={command}"),
    Read("/command_executions", same(EXECUTION_SHARDS), "cluster_name=north"),
    Read("/command_executions", same(IN_KEY_ORDER + PARENT), "node_id={node}"),
]

TERMS_STATE = 1
"""Whether the terms of nodes are whole, once in ten minutes and container."""

BY_TERMS = [
    Read("/nodes", same(SHARDS + 1 + PRESENCE + TERMS_STATE), "labels=env:prod"),
    Read("/nodes", same(3 + PRESENCE + PARENT + TERMS_STATE), "labels=env:prod&cluster_name=north"),
    Read("/nodes", same(SHARDS + 1 + PRESENCE + TERMS_STATE), "search={node}"),
    Read("/nodes", same(SHARDS + 1 + PRESENCE + TERMS_STATE), "search=0"),
    Read("/nodes", same(SHARDS + 2 + PRESENCE + TERMS_STATE), "hostname=till-3"),
    Read("/nodes", same(2 * SHARDS + SHARDS + 2 + PRESENCE + TERMS_STATE), "labels=env:prod,role:web"),
]
"""Labels and names: as by an index, though no index has them. The rows of several labels are those of the rarest."""

LATER_PAGES = [
    Read("/clusters", same(CLUSTERS + 1), "page=2"),
    Read("/enrollment_keys", same(IN_KEY_ORDER + 1), "page=2"),
    Read("/enrollment_keys", same(IN_KEY_ORDER + 1), "page=29&page_size=100"),
    Read("/nodes", same(NODES), "page=2"),
    Read("/nodes", same(NODES), "page=29&page_size=100"),
    Read("/commands", same(IN_KEY_ORDER + 1), "page=29&page_size=100"),
    Read("/command_executions", same(EXECUTION_SHARDS), "page=2"),
    Read("/command_executions", same(EXECUTION_SHARDS), "page=29&page_size=100"),
    Read("/command_executions", same(IN_KEY_ORDER + 1 + PARENT), "page=29&page_size=100&node_id={node}"),
]

ON_PROJECTED = [
    Read("/clusters", same(2 + SHOWN), "ipv4_range=1*"),
    Read("/clusters", same(2 + SHOWN), "order_by=updated_at"),
    Read("/enrollment_keys", same(2), "name=x*"),
    Read("/nodes", same(SHARDS + 1 + PRESENCE), "version=1.*"),
    Read("/nodes", same(SHARDS + 1 + PRESENCE), "order_by=status"),
    Read("/nodes", same(PARENT + 2 + PRESENCE), "cluster_name=north&status=healthy"),
    Read("/commands", same(2), "has_timeout=true"),
    Read("/command_executions", same(SHARDS + 1 + PARENT), "command_id={command}&exit_code=3"),
]
"""Other filters and orders that the index decides: no row is read but those of the page."""

ON_ROWS = [
    Read("/clusters", lambda count: 1 + rows(count) + 1 + SHOWN, "node_count__gte=0"),
    Read("/enrollment_keys", lambda count: 1 + rows(count) + 1, "is_spent=false"),
    Read("/nodes", lambda count: SHARDS + rows(count) + 1 + PRESENCE, "last_seen_at__gte=2026-01-01"),
    Read("/commands", lambda count: 1 + rows(count) + 1, "command_text=true"),
    Read("/command_executions", lambda count: SHARDS + rows(count) + 1 + PARENT, "output=*space*"),
    Read("/command_executions", lambda count: SHARDS + rows(count) + 1 + PARENT, "order_by=completed_at"),
    Read("/command_executions", lambda count: 1 + rows(count) + 1 + PARENT, "node_id={node}&exit_code=3"),
]
"""What only rows tell: each row of the narrowest partitions is read once."""


@pytest.fixture(scope="module", params=SIZES)
def large(request) -> tuple[int, LargeWorld, Client]:
    made = large_world(request.param)
    return request.param, made, operator(made.world)


def ask(large: LargeWorld, client: Client, read: Read) -> HttpAnswer:
    path = f"{API}{read.path}?{read.query}" if read.query else f"{API}{read.path}"
    return client.get(path.format(**large.names))


def calls_of(world: World) -> list[Call]:
    """Of the last request."""
    return world.driver.meter.calls


@pytest.mark.parametrize(
    "read", [*BY_ID, *FIRST_PAGES, *INDEXED, *BY_TERMS, *LATER_PAGES, *ON_PROJECTED, *ON_ROWS], ids=str
)
def test_read_stays_within_its_ceiling_of_calls(large, read):
    count, made, client = large
    answer = ask(made, client, read)
    assert answer.status == 200
    # Keys that are shown are noted in the audit log, all of a page in one call.
    noting = [call for call in calls_of(made.world) if call.table == AUDIT_EVENTS.name]
    assert len(noting) == (1 if answer.data and read.path.startswith("/enrollment_keys") else 0)
    reading = [call for call in calls_of(made.world) if call not in noting]
    assert len(reading) <= read.ceiling(count), Counter(call.operation for call in reading)
    assert {call.operation for call in reading} <= {"GetItem", "BatchGetItem", "Query"}


@pytest.mark.parametrize("read", [*FIRST_PAGES, *INDEXED], ids=str)
def test_first_page_reads_one_page_of_rows_at_any_list_size(large, read):
    count, made, client = large
    answer = ask(made, client, read)
    shown = len(answer.data)
    assert shown == min(count, SHOWN) or shown == answer.json["meta"]["pagination"]["total_count"] == 1
    assert len([call for call in calls_of(made.world) if call.operation == "BatchGetItem"]) <= 3


UNITS_OF_A_PAGE = 60
UNITS_OF_A_THOUSAND_ENTRIES = 25


@pytest.mark.parametrize("query", ["labels=env:prod", "search=0", "labels=env:prod&cluster_name=north"])
def test_list_by_terms_reads_entries_and_only_the_rows_of_its_page(large, query):
    """A node's row takes half a unit or more: to read all rows would take 500 units a thousand."""
    count, made, client = large
    answer = ask(made, client, Read("/nodes", same(0), query))
    assert answer.json["meta"]["pagination"]["total_count"] > count // 32
    units = sum(call.read_units for call in calls_of(made.world))
    assert units <= UNITS_OF_A_PAGE + UNITS_OF_A_THOUSAND_ENTRIES * count / 1000


@pytest.mark.parametrize("read", ON_ROWS, ids=str)
def test_list_above_the_read_limit_is_refused_and_stops_reading(large, read):
    count, made, _ = large
    limit = count // 2
    settings = made.world.platform.settings.model_copy(update={"list_read_limit": limit})
    answer = ask(made, Client(EDGE_ADMIN.groups(), fleet_of(settings, made.world)), read)
    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert any(str(limit) in text for texts in answer.error["details"].values() for text in texts)
    assert len(calls_of(made.world)) <= SHARDS + rows(limit) + 1


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ("check_health", {"Query": HEALTH_SHARDS}),
        ("sweep_commands", {"Query": KINDS_OF_DUE_WORK}),
    ],
)
def test_sweep_with_nothing_due_costs_the_same_for_any_fleet_size(large, sweep, expected):
    _, made, _ = large
    made.world.sweep(sweep)
    # One asks whose turn it is, one whether the terms of nodes are whole, the last counts the run.
    beside = {"admins", "node_terms", "counters"}
    operations = Counter(call.operation for call in calls_of(made.world) if call.table not in beside)
    assert operations == expected


_THOUSAND_IDS = [f"01900000-0000-7000-8000-{place:012d}" for place in range(1000)]


def on_the_long_way(world: World) -> Client:
    """An operator of a stack that makes no executions with their command."""
    settings = world.platform.settings.model_copy(update={"short_way": False})
    return Client(EDGE_ADMIN.groups(), bootstrap.platform_of(settings, world, lambda: FAMILIES).container(Fleet))


@pytest.mark.parametrize("most", [1, 100, 101])
def test_command_with_named_nodes_reads_a_hundred_nodes_per_call(large, most):
    _, made, _ = large
    client = on_the_long_way(made.world)
    ids = [row["id"] for row in made.world.driver.rows(nodes_store.NODES)][:most]
    targeting = {"type": "nodes", "node_ids": ids}
    answer = client.post(f"{API}/commands", json={"command_text": "true", "targeting": targeting})
    assert answer.status == 201
    reads = -(-len(ids) // 100)
    assert [call.operation for call in calls_of(made.world)] == ["BatchGetItem"] * reads + ["TransactWriteItems"]


@pytest.mark.parametrize(
    ("targeting", "ceiling"),
    [
        ({"type": "all"}, 1),
        ({"type": "all", "node_filters": {"status": "healthy"}}, 1),
        ({"type": "nodes", "node_ids": _THOUSAND_IDS, "allow_missing": True}, 1),
        ({"type": "clusters", "cluster_names": ["north"]}, 1 + PARENT),
    ],
    ids=["all", "all with filters", "nodes", "clusters"],
)
def test_command_is_created_in_one_transaction_for_any_fleet_size(large, targeting, ceiling):
    _, made, _ = large
    answer = on_the_long_way(made.world).post(f"{API}/commands", json={"command_text": "true", "targeting": targeting})
    assert answer.status == 201
    assert len(calls_of(made.world)) == ceiling
    assert calls_of(made.world)[-1].operation == "TransactWriteItems"


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.write_units], ids=str)
def test_operation_makes_its_declared_number_of_transactions(operation):
    """How much each may ask is asserted in tests/bench."""
    scene = operation.scene()
    operation.ask(scene)
    assert [call.operation for call in scene.calls].count("TransactWriteItems") == operation.transactions


def written_for_executions(calls: list[Call]) -> float:
    return sum(call.write_units for call in calls if "executions" in call.table.split(","))


LIFE_UNITS = 18
COMMAND_UNITS = 6
"""Of the command and its fan-out, in one transaction with the executions."""


def live_through(agents: list[Agent], **result: Any) -> None:
    for agent in agents:
        (execution_id,) = agent.waiting()
        assert agent.acknowledge(execution_id).status == 200
        assert agent.report(execution_id, **result).status == 200


def test_execution_lifecycle_takes_eighteen_write_units():
    world = World()
    client = operator(world)
    a_cluster(world)
    agents = enrolled(client, 5)
    bill = bill_of(world)
    ids = [agent.id for agent in agents]
    client.post(f"{API}/commands", json={"command_text": "true", "targeting": {"type": "nodes", "node_ids": ids}})
    world.settle()
    live_through(agents, exit_code=0, output="done\n")
    assert written_for_executions(bill.all) == len(agents) * LIFE_UNITS + COMMAND_UNITS


@pytest.mark.parametrize("kilobytes", [2, 40])
def test_stored_output_takes_one_more_write_unit_per_kilobyte(kilobytes):
    world = World()
    client = operator(world)
    a_cluster(world)
    agents = enrolled(client, 1)
    client.post(f"{API}/commands", json={"command_text": "true", "targeting": {"type": "all"}})
    world.settle()
    bill = bill_of(world)
    live_through(agents, exit_code=0, output=random.Random(1).randbytes(kilobytes * 512).hex())
    (row,) = world.driver.rows(EXECUTIONS)
    stored = item_bytes({"output_gz": row["output_gz"]})
    assert stored < kilobytes * 1024
    sent_and_done = LIFE_UNITS - 8
    assert written_for_executions(bill.all) <= sent_and_done + ceil(stored / 1024)
