"""What the functions of hosted nodes ask DynamoDB for is granted: with the real fleet and the real instances."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tables import Delete, Put, Update
from chalicelib.machines.hosted.model import Action, HostedNode, NewNode, Status
from chalicelib.machines.hosted.queues import HOSTED_BUILDS
from chalicelib.machines.wiring import Machines
from chalicelib.platform.provisioning.model import Power, State
from chalicelib.platform.provisioning.store import RESOURCES, to_item
from infra.grants import GRANTS
from tests.support.builders import a_cluster, a_registration
from tests.support.declared import WORKERS, handler_of
from tests.support.fakes.aws import FIRST_KEY
from tests.support.world import World, scheduled_event, sqs_record

TENANT, URL = "default", "https://hooks.example/"
ACTIONS = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem"}
WORKER, SWEEP = "run_hosted_builds", "sweep_hosted_builds"


class Stage:
    """A world whose calls of DynamoDB are noted while one of the functions runs."""

    def __init__(self) -> None:
        self.world = World(signing_key_id=FIRST_KEY)
        self.machines = self.world.platform.container(Machines)
        self.asked: dict[str, set[tuple[str, str]]] = {WORKER: set(), SWEEP: set()}
        a_cluster(self.world, "regtest")

    def run(self) -> None:
        """Relay, and let the worker alone work."""
        while self.world.relay_only():
            for body in self.world.queue_client.take(HOSTED_BUILDS):
                with self.noting(WORKER):
                    answer = self.world.call(WORKERS[HOSTED_BUILDS], {"Records": [sqs_record(body)]})
                    assert answer == {"batchItemFailures": []}, self.world.lines.texts[-1]
            self.world.queue_client.sent.clear()

    def later(self) -> None:
        self.world.clock.advance(200)
        with self.noting(SWEEP):
            self.world.call(handler_of(SWEEP), scheduled_event(SWEEP))
        for body in self.world.queue_client.take(HOSTED_BUILDS):
            with self.noting(WORKER):
                self.world.call(WORKERS[HOSTED_BUILDS], {"Records": [sqs_record(body)]})
        self.run()

    @contextmanager
    def noting(self, function: str) -> Iterator[None]:
        driver, noted = self.world.driver, self.asked[function]
        plain = {
            name: getattr(driver, name) for name in ("get", "batch_get", "query", "query_many", "write", "transact")
        }

        def note(name: str, *tables: Any) -> None:
            noted.update((table.name, name) for table in tables)

        wrapped: dict[str, Any] = {
            "get": lambda ref, **more: (note("GetItem", ref.table), plain["get"](ref, **more))[1],
            "batch_get": lambda refs, **more: (
                note("BatchGetItem", *(ref.table for ref in refs)),
                plain["batch_get"](refs, **more),
            )[1],
            "query": lambda query: (note("Query", query.table), plain["query"](query))[1],
            "query_many": lambda queries: (
                note("Query", *(query.table for query in queries)),
                plain["query_many"](queries),
            )[1],
            "write": lambda write: (note(ACTIONS[type(write)], write.table), plain["write"](write))[1],
            "transact": lambda writes, token: (
                [note(ACTIONS.get(type(write), "ConditionCheckItem"), write.table) for write in writes],
                plain["transact"](writes, token),
            )[1],
        }
        driver.__dict__ |= wrapped
        try:
            yield
        finally:
            for name in wrapped:
                del driver.__dict__[name]

    def instance_is(self, node_id: str, state: State, **values: Any) -> None:
        """As if its provider had changed it."""
        row = self.machines.instances.get(TENANT, node_id)
        changed = row.model_copy(update={"state": state, "due_at": "2099-01-01T00:00:00Z", **values})
        self.world.platform.tables.scoped(TENANT).write(Put(RESOURCES, to_item(changed)), "test.placed")

    def enrol(self, node_id: str) -> None:
        fleet = self.world.fleet
        key = fleet.enrollment.create("regtest", {"uses_remaining": None}, reach=EVERYWHERE)
        token = fleet.enrollment.verify(fleet.enrollment.reveal(key).reveal(), node_id).registration_token
        fleet.nodes.registering.register(a_registration(node_id, "regtest"), token, None)

    def begin(self, node: HostedNode, action: Action) -> None:
        self.machines.hosted.nodes.begin(TENANT, node.id, action)
        self.run()

    def status(self, node: HostedNode) -> Status:
        found: Status = self.machines.hosted.nodes.get(TENANT, node.id).status
        return found


@pytest.fixture(scope="module")
def stage() -> Stage:
    """After the whole life of a node, with exports of its logs."""
    stage = Stage()
    hosted = stage.machines.hosted
    node = hosted.nodes.create(TENANT, "o", NewNode(name="x", network="regtest", webhook_url=URL))
    stage.run()
    stage.enrol(node.id)
    stage.instance_is(node.id, State.READY, external={"id": "p"}, observed={"node_status": "healthy"})
    stage.later()
    assert stage.status(node) is Status.RUNNING
    hosted.exports.begin(TENANT, node.id)
    stage.run()
    stage.later()
    stage.begin(node, Action.STOP)
    stage.instance_is(node.id, State.READY, power=Power.OFF)
    stage.later()
    stage.begin(node, Action.START)
    stage.instance_is(node.id, State.READY, power=Power.ON, observed={"node_status": "healthy"})
    stage.later()
    assert stage.status(node) is Status.RUNNING
    hosted.fleet.__dict__["newest_agent"] = lambda: "9.9.9"
    stage.begin(node, Action.UPGRADE)
    for _ in range(3):
        stage.later()
    stage.world.clock.advance(5 * 3600)
    stage.later()
    hosted.nodes.set_webhook(TENANT, node.id, "https://other.example/")
    stage.run()
    stage.begin(node, Action.DESTROY)
    stage.instance_is(node.id, State.GONE)
    stage.later()
    assert stage.status(node) is Status.DESTROYED
    stage.world.clock.advance(3 * 86_400)
    stage.later()
    return stage


@pytest.mark.parametrize("function", [WORKER, SWEEP])
def test_function_asks_for_nothing_that_it_is_not_granted(stage: Stage, function: str) -> None:
    granted = {(table, action) for table, actions in GRANTS[function].tables.items() for action in actions}

    assert stage.asked[function] - granted == set()


@pytest.mark.parametrize("function", [WORKER, SWEEP])
def test_function_is_granted_nothing_that_it_does_not_ask_for(stage: Stage, function: str) -> None:
    granted = {(table, action) for table, actions in GRANTS[function].tables.items() for action in actions}
    # The first data key of a stage is made by whoever seals first; the counter of runs is the entry's.
    assert granted - stage.asked[function] - {("data_keys", "PutItem")} == set()
