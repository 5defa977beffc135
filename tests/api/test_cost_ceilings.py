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

from chalicelib.api.routes import ALL_ROUTES
from chalicelib.bootstrap import Services
from chalicelib.commands.fan_out import CHUNK
from chalicelib.commands.store import EXECUTIONS, SHARDS
from chalicelib.kit.tables import Call
from chalicelib.nodes.store import HEALTH_SHARDS
from tests.api.client import Client, HttpAnswer
from tests.builders import a_cluster
from tests.callers import Agent, a_key, bill_of, enrolled, operator
from tests.fakes.dynamo_sizes import item_bytes
from tests.large_world import LargeWorld, large_world
from tests.unit.commands.fleet import command, fan_out, nodes
from tests.world import World

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


KINDS_OF_DUE_WORK = 2
"""Of commands and of self-update requests: one query each."""


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
    names = {
        "key": large.key.id,
        "blob": large.world.services.enrollment.reveal(large.key).reveal(),
        "node": large.busy.id,
        "command": large.command.id,
        "execution": large.execution_id,
    }
    path = f"{API}{read.path}?{read.query}" if read.query else f"{API}{read.path}"
    return client.get(path.format(**names))


def calls_of(world: World) -> list[Call]:
    """Of the last request."""
    return world.driver.meter.calls


@pytest.mark.parametrize("read", [*BY_ID, *FIRST_PAGES, *INDEXED, *LATER_PAGES, *ON_PROJECTED, *ON_ROWS], ids=str)
def test_reads(large, read):
    count, made, client = large
    answer = ask(made, client, read)
    assert answer.status == 200
    assert len(calls_of(made.world)) <= read.ceiling(count), Counter(call.operation for call in calls_of(made.world))
    assert {call.operation for call in calls_of(made.world)} <= {"GetItem", "BatchGetItem", "Query"}


@pytest.mark.parametrize("read", [*FIRST_PAGES, *INDEXED], ids=str)
def test_a_first_page_is_a_page_of_rows_whatever_the_number_of_rows(large, read):
    count, made, client = large
    answer = ask(made, client, read)
    shown = len(answer.data)
    assert shown == min(count, SHOWN) or shown == answer.json["meta"]["pagination"]["total_count"] == 1
    assert len([call for call in calls_of(made.world) if call.operation == "BatchGetItem"]) <= 3


@pytest.mark.parametrize("read", ON_ROWS, ids=str)
def test_a_list_above_the_read_limit_is_refused_and_stops_reading(large, read):
    count, made, _ = large
    limit = count // 2
    settings = made.world.services.settings.model_copy(update={"list_read_limit": limit})
    answer = ask(made, Client(ALL_ROUTES, Services(settings, made.world)), read)
    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert any(str(limit) in text for texts in answer.error["details"].values() for text in texts)
    assert len(calls_of(made.world)) <= SHARDS + rows(limit) + 1


@pytest.mark.parametrize(("sweep", "ceiling"), [("check_health", HEALTH_SHARDS), ("sweep_commands", KINDS_OF_DUE_WORK)])
def test_a_sweep_with_nothing_due_costs_the_same_whatever_the_fleet(large, sweep, ceiling):
    _, made, _ = large
    made.world.sweep(sweep)
    # The last one counts the run.
    assert [call.operation for call in calls_of(made.world)] == [*["Query"] * ceiling, "UpdateItem"]


@pytest.mark.parametrize(
    ("targeting", "ceiling"),
    [
        ({"type": "all"}, 1),
        ({"type": "all", "node_filters": {"status": "healthy"}}, 1),
        ({"type": "nodes", "node_ids": [f"01900000-0000-7000-8000-{place:012d}" for place in range(1000)]}, 1),
        ({"type": "clusters", "cluster_names": ["north"]}, 1 + PARENT),
    ],
    ids=["all", "all with filters", "nodes", "clusters"],
)
def test_a_command_is_created_in_one_transaction_whatever_the_fleet(large, targeting, ceiling):
    _, made, client = large
    answer = client.post(f"{API}/commands", json={"command_text": "true", "targeting": targeting})
    assert answer.status == 201
    assert len(calls_of(made.world)) == ceiling
    assert calls_of(made.world)[-1].operation == "TransactWriteItems"


class Scene:
    """A small world in which everything is real: two enrolled agents, a command that waits for both."""

    def __init__(self) -> None:
        self.world = World()
        self.client = operator(self.world)
        a_cluster(self.world)
        self.agent, self.other = enrolled(self.client, 2)
        self.command_id = self.new_command()
        (self.execution_id,) = self.agent.waiting()

    def new_command(self) -> str:
        body = {"command_text": "true", "targeting": {"type": "all"}}
        answer = self.client.post(f"{API}/commands", json=body)
        self.world.settle()
        return str(answer.data["id"])

    def finish(self) -> None:
        for agent in (self.agent, self.other):
            for execution_id in agent.waiting():
                agent.report(execution_id, exit_code=0)

    def new_key(self) -> str:
        return a_key(self.client, "north")

    def newcomer(self) -> Agent:
        return Agent(self.client, 99)


def verify(scene: Scene) -> HttpAnswer:
    return scene.newcomer().verify(scene.new_key())


def register(scene: Scene) -> HttpAnswer:
    agent = scene.newcomer()
    token = agent.verify(scene.new_key()).data["netmaker_key"]
    return agent.register(token, "north")


def poll_when_due(scene: Scene) -> HttpAnswer:
    scene.world.clock.advance(100)
    return scene.other.poll("sent")


def heartbeat_when_due(scene: Scene) -> HttpAnswer:
    scene.world.clock.advance(100)
    return scene.agent.heartbeat()


def cancel(scene: Scene) -> HttpAnswer:
    return scene.client.patch(f"{API}/command_executions/{scene.execution_id}/cancel")


def cancel_sent(scene: Scene) -> HttpAnswer:
    scene.agent.acknowledge(scene.execution_id)
    return cancel(scene)


def delete_execution(scene: Scene) -> HttpAnswer:
    scene.finish()
    return scene.client.delete(f"{API}/command_executions/{scene.execution_id}")


def delete_command(scene: Scene) -> HttpAnswer:
    scene.finish()
    return scene.client.delete(f"{API}/commands/{scene.command_id}")


def change_cluster(scene: Scene) -> HttpAnswer:
    a_cluster(scene.world, "south")
    return scene.client.patch(f"{API}/nodes/{scene.agent.id}/change_cluster", json={"cluster_name": "south"})


def delete_cluster(scene: Scene) -> HttpAnswer:
    a_cluster(scene.world, "south")
    return scene.client.delete(f"{API}/clusters/south")


def the_key(scene: Scene) -> str:
    return f"{API}/enrollment_keys/{scene.client.get(f'{API}/enrollment_keys').data[0]['id']}"


AUTHENTICATION = 1

OPERATIONS: dict[str, tuple[Callable[[Scene], HttpAnswer], int, int]] = {
    # name: (what, calls, transactions among them)
    "verify a key": (verify, 3, 1),
    "register": (register, 3, 1),
    "poll with nothing to do": (lambda scene: scene.agent.poll("sent"), AUTHENTICATION + 1, 0),
    "poll when last seen is due": (poll_when_due, AUTHENTICATION + 2, 0),
    "poll with something to do": (lambda scene: scene.agent.poll(), AUTHENTICATION + 2, 0),
    "heartbeat": (lambda scene: scene.agent.heartbeat(), 2, 0),
    "heartbeat when last seen is due": (heartbeat_when_due, 3, 0),
    "acknowledge": (lambda scene: scene.agent.acknowledge(scene.execution_id), AUTHENTICATION + 2, 0),
    "report": (lambda scene: scene.agent.report(scene.execution_id, exit_code=0), AUTHENTICATION + 1, 0),
    "cancel a pending execution": (cancel, 1, 0),
    "cancel a sent execution": (cancel_sent, 2, 0),
    "delete an execution": (delete_execution, 2, 1),
    "delete a command": (delete_command, 1 + SHARDS + 1, 1),
    "create a cluster": (lambda scene: scene.client.post(f"{API}/clusters", json={"name": "south"}), 4, 1),
    "change a cluster": (lambda scene: scene.client.patch(f"{API}/clusters/north", json={"node_limit": 9}), 3, 0),
    "delete a cluster": (delete_cluster, 3, 1),
    "create a key": (lambda scene: scene.client.post(f"{API}/clusters/north/enrollment_keys", json={}), 2, 1),
    "change a key": (lambda scene: scene.client.patch(the_key(scene), json={"name": "door"}), 2, 0),
    "delete a key": (lambda scene: scene.client.delete(the_key(scene)), 2, 0),
    "move a node": (change_cluster, 3, 1),
    "delete a node": (lambda scene: scene.client.delete(f"{API}/nodes/{scene.agent.id}"), 2, 1),
    "list nodes with their secrets": (lambda scene: scene.client.get(f"{API}/nodes"), NODES, 0),
    "get a node with its secrets": (lambda scene: scene.client.get(f"{API}/nodes/{scene.agent.id}"), 1, 0),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name):
    what, ceiling, transactions = OPERATIONS[name]
    scene = Scene()
    answer = what(scene)
    assert answer.status in {200, 201, 204}, answer.text
    operations = Counter(call.operation for call in calls_of(scene.world))
    assert operations.total() <= ceiling, operations
    assert operations["TransactWriteItems"] == transactions


def written_for_executions(calls: list[Call]) -> float:
    return sum(call.write_units for call in calls if "executions" in call.table.split(","))


LIFE_UNITS = 18
CHECK_UNITS = 2
"""Of the command's fan-out, once a transaction."""


def live_through(agents: list[Agent], **result: Any) -> None:
    for agent in agents:
        (execution_id,) = agent.waiting()
        assert agent.acknowledge(execution_id).status == 200
        assert agent.report(execution_id, **result).status == 200


def test_the_life_of_an_execution_takes_eighteen_write_units():
    world = World()
    client = operator(world)
    a_cluster(world)
    agents = enrolled(client, 5)
    bill = bill_of(world)
    ids = [agent.id for agent in agents]
    client.post(f"{API}/commands", json={"command_text": "true", "targeting": {"type": "nodes", "node_ids": ids}})
    world.settle()
    live_through(agents, exit_code=0, output="done\n")
    assert written_for_executions(bill.all) == len(agents) * LIFE_UNITS + CHECK_UNITS


@pytest.mark.parametrize("kilobytes", [2, 40])
def test_a_stored_output_takes_a_write_unit_more_per_kilobyte(kilobytes):
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


def test_a_fan_out_to_a_thousand_nodes():
    world = World()
    count = 1000
    nodes(world, count)
    made = command(world)
    called = Counter((call.operation, call.table) for call in fan_out(world, made))
    ceiling = ceil(count / CHUNK) + SHARDS
    assert called["TransactWriteItems", "executions,fan_outs"] <= ceiling
    assert called["Query", "nodes"] <= ceiling
    assert called.total() <= 5 * ceiling + 2 * SHARDS
    assert len(world.driver.rows(EXECUTIONS)) == count
