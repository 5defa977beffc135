"""Whatever order, repetition, delay and loss of handlers chance brings, what is left at the end holds together.

Operators and agents act at random while messages and batches are handed over in random order (a stream's in its own),
some of them again much later, with handlers that die after a write and indexes that lag. Then all comes to rest.
"""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS, FAN_OUTS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.listing import OLDEST_FIRST, ListRequest
from chalicelib.kit.queues import LONGEST_DELAY_SECONDS
from chalicelib.kit.tables import Item, Table
from tests.support.builders import a_cluster, a_command, a_registration
from tests.support.declared import RELAY, WORKERS
from tests.support.fakes.dynamo import Crash
from tests.support.world import World, sqs_record

DEADLINE_SECONDS = 3600
NEVER = 1_000_000_000
ACTS = 150
REMEMBERED = 400
ROUNDS_OF_REST = 8
MOST_DELIVERIES = 5000
CANCELLED = 143
NOBODY = "01900000-0000-7000-8000-000000000000"

Handover = tuple[str, dict[str, Any]]


class Disorder:
    """A world and everything that happens to it, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World(command_default_deadline=DEADLINE_SECONDS)
        self.fleet = self.world.fleet
        self.tokens: dict[str, str] = {}
        self.waiting: list[Handover] = []
        self.past: list[Handover] = []
        self.sockets = 0

    def run(self) -> None:
        for name in "ab":
            a_cluster(self.world, name)
        for _ in range(ACTS):
            self.chance.choices(
                [self.act, self.deliver, self.pass_time, self.lag, self.sweep, self.repeat_the_past],
                weights=[35, 50, 5, 3, 3, 4],
            )[0]()
        self.rest()
        for handover in self.past[-REMEMBERED // 2 :]:
            self.hand_over(handover)
        self.rest()

    def rest(self) -> None:
        """Indexes catch up, delays and deadlines pass, sweeps run, and everything is delivered."""
        self.world.driver.index_lag(0)
        for _ in range(ROUNDS_OF_REST):
            self.world.clock.advance(LONGEST_DELAY_SECONDS)
            self.world.queue_client.release_delayed()
            self.world.sweep("sweep_commands")
            self.world.sweep("check_health")
            for _ in range(MOST_DELIVERIES):
                if not self.deliver():
                    break
            else:
                raise AssertionError("messages lead to messages for ever")

    # -- delivery ------------------------------------------------------------------------------------------------

    def deliver(self) -> bool:
        """Hand over something that waits; False if nothing does."""
        self.waiting += [(RELAY, {"Records": batch}) for batch in self.world.relay_batches()]
        for queue, handler in WORKERS.items():
            self.waiting += [(handler, {"Records": [sqs_record(body)]}) for body in self.world.queue_client.take(queue)]
        if not self.waiting:
            return False
        chosen = self.chance.choice(self.waiting)
        if chosen[0] == RELAY:  # a stream keeps its order
            chosen = next(one for one in self.waiting if one[0] == RELAY and source_of(one) == source_of(chosen))
        if self.hand_over(chosen):
            self.waiting.remove(chosen)
            self.past = [*self.past[-REMEMBERED:], chosen]
        return True

    def hand_over(self, handover: Handover) -> bool:
        """Whether the handler came to its end."""
        self.world.driver.crash_after(self.chance.randint(1, 4) if self.chance.random() < 0.25 else NEVER)
        try:
            answer = self.world.call(*handover)
        except Crash:
            return False
        finally:
            self.world.driver.crash_after(NEVER)
        return not (answer or {}).get("batchItemFailures")

    def repeat_the_past(self) -> None:
        if self.past:
            self.hand_over(self.chance.choice(self.past))

    # -- the surroundings ----------------------------------------------------------------------------------------

    def pass_time(self) -> None:
        self.world.clock.advance(self.chance.choice([0.3, 1, 5, 60, 400]))

    def lag(self) -> None:
        self.world.driver.index_lag(self.chance.choice([0, 0, 2, 30]))

    def sweep(self) -> None:
        self.world.sweep(self.chance.choice(["sweep_commands", "check_health"]))

    # -- operators and agents ------------------------------------------------------------------------------------

    def act(self) -> None:
        self.world.clock.advance(0.001)
        acts: dict[Callable[[], Any], int] = {
            self.enrol: 12,
            lambda: self.fleet.nodes.placing.delete(self.a_node(), reach=EVERYWHERE): 8,
            lambda: self.fleet.nodes.placing.change_cluster(
                self.a_node(), self.chance.choice("ab"), reach=EVERYWHERE
            ): 6,
            lambda: self.fleet.clusters.delete(self.chance.choice("ab"), reach=EVERYWHERE): 6,
            lambda: a_cluster(self.world, self.chance.choice("ab")): 6,
            lambda: a_command(self.world, targeting=self.a_targeting()): 16,
            lambda: self.fleet.commands.registry.delete(self.an_id(COMMANDS), reach=EVERYWHERE): 7,
            lambda: self.fleet.commands.executions.cancel(self.an_id(EXECUTIONS), reach=EVERYWHERE): 8,
            lambda: self.fleet.commands.executions.delete(self.an_id(EXECUTIONS), reach=EVERYWHERE): 5,
            self.work: 18,
            self.connect: 4,
            self.disconnect: 4,
        }
        try:
            self.chance.choices(list(acts), weights=list(acts.values()))[0]()
        except EdgeError as error:
            assert error.kind.value not in {"internal_error", "service_unavailable"}  # noqa: PT017 - others are answers

    def enrol(self) -> None:
        name = self.chance.choice("ab")
        is_new = not self.tokens or self.chance.random() < 0.5
        node_id = self.world.ids.uuid7(self.world.clock.now()) if is_new else self.a_node()
        key = self.fleet.enrollment.create(name, {"uses_remaining": None}, reach=EVERYWHERE)
        blob = self.fleet.enrollment.reveal(key).reveal()
        token = self.fleet.enrollment.verify(blob, node_id).registration_token
        registered = self.fleet.nodes.registering.register(
            a_registration(node_id, name), token, self.tokens.get(node_id)
        )
        self.tokens[node_id] = registered.secrets.api_token

    def work(self) -> None:
        """An agent takes some of what waits, and finishes some of what it has taken."""
        node_id = self.a_node()
        executions = self.fleet.commands.executions
        self.fleet.nodes.health.touch(self.fleet.nodes.identity.authenticate(self.tokens.get(node_id)))
        for row in executions.for_agent(node_id, Status.PENDING, ListRequest(order=OLDEST_FIRST)).items:
            if self.chance.random() < 0.7:
                executions.acknowledge(node_id, row.id)
        for row in executions.for_agent(node_id, Status.SENT, ListRequest(order=OLDEST_FIRST)).items:
            if self.chance.random() < 0.5:
                exit_code = CANCELLED if row.cancel_requested_at else 0
                executions.report(node_id, row.id, Report(is_expired=False, exit_code=exit_code))

    def connect(self) -> None:
        self.sockets += 1
        self.world.socket_client.frames[f"socket-{self.sockets}"] = []
        token = self.tokens.get(self.a_node())
        self.fleet.nodes.connections.connected(token, f"socket-{self.sockets}", self.sockets)

    def disconnect(self) -> None:
        connection_id = f"socket-{self.chance.randint(0, self.sockets)}"
        self.world.socket_client.frames.pop(connection_id, None)
        self.fleet.nodes.connections.disconnected(connection_id)

    def a_node(self) -> str:
        return self.chance.choice([*self.tokens, NOBODY])

    def an_id(self, table: Table) -> str:
        rows = self.world.driver.rows(table)
        return str(self.chance.choice(rows)["id"]) if rows else NOBODY

    def a_targeting(self) -> Targeting:
        some = self.chance.sample(sorted(self.tokens), min(len(self.tokens), 3))
        named = [Targeting(type=TargetType.NODES, node_ids=tuple(some))] if some else []
        clusters = Targeting(type=TargetType.CLUSTERS, cluster_names=("a",))
        return self.chance.choice([Targeting(type=TargetType.ALL), clusters, *named])


def source_of(handover: Handover) -> str:
    return str(handover[1]["Records"][0]["eventSourceARN"])


@pytest.mark.parametrize("seed", range(12))
def test_disordered_delivery_leaves_consistent_rows(seed):
    disorder = Disorder(seed)
    disorder.run()
    rows: Callable[[Table], list[Item]] = disorder.world.driver.rows
    nodes = {row["id"]: row for row in rows(NODES)}
    deleted = {row["id"] for row in rows(COMMANDS) if "deleted_at" in row}

    in_cluster = Counter(row["cluster_id"] for row in nodes.values())
    assert {row["id"]: row["node_count"] for row in rows(CLUSTERS)} == {
        row["id"]: in_cluster[row["id"]] for row in rows(CLUSTERS)
    }
    assert {row["cluster_id"] for row in rows(ENROLLMENT_KEYS)} <= {row["id"] for row in rows(CLUSTERS)}
    assert {row["id"]: "health_due" not in row for row in rows(PRESENCE)} == {
        node_id: row["status"] == "unreachable" for node_id, row in nodes.items()
    }
    assert [row for row in rows(EXECUTIONS) if row["status"] in {"pending", "sent"}] == []
    assert [row for row in rows(EXECUTIONS) if row["command_id"] in deleted] == []
    assert [row for row in rows(FAN_OUTS) if "parts" in row or "due" in row or row["command_id"] in deleted] == []


@pytest.mark.parametrize("seed", range(12, 24))
def test_disordered_delivery_tells_and_counts_each_change_once(seed):
    disorder = Disorder(seed)
    disorder.run()
    world = disorder.world
    images = [record["dynamodb"].get("NewImage") for record in world.driver.records(EXECUTIONS)]
    written = Counter(image["changed_by"]["M"]["operation"]["S"] for image in images if image)
    told = Counter({envelope["id"]: envelope["type"] for envelope in world.bus_client.envelopes}.values())
    assert told["edge.command_execution.created"] == written["execution.created"]
    assert told["edge.command_execution.sent"] == written["execution.sent"]
    assert told["edge.command_execution.completed"] == written["execution.completed"]
    assert told["edge.command_execution.expired"] == written["execution.expired"]
    assert told["edge.command_execution.cancelled"] == (
        written["execution.cancelled"] + written["execution.reported_cancelled"]
    )
    for table in (CLUSTERS, NODES, ENROLLMENT_KEYS, EXECUTIONS):
        assert world.platform.counters.read(table.name) == len(world.driver.rows(table))
