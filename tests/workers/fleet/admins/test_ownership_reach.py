"""What only the stack in a network can do is done by it: pushes, self-updates by push, and fetching metrics."""

import pytest

from chalicelib.fleet.commands.model import Status
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.metrics.owners import GOES_STALE_AFTER, Owners
from chalicelib.fleet.metrics.service import NodeMetrics
from chalicelib.fleet.metrics.waking import PAUSES_SECONDS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.transport.push import Push
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.fleet.transport.service import Transport
from chalicelib.fleet.updates.store import NODE_UPDATES
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.outbound import Answer
from chalicelib.kit.queues import to_body
from tests.support.builders import a_cluster, a_command, machines
from tests.support.several_stacks import FURTHER, QUEUE, Stacks

NEAR, FAR = "near", "yonder"


class Network:
    """Agents that answer whoever stands in their network, as pushes and scrapers see them."""

    def __init__(self, status=201, text="up 1\n"):
        self.status = status
        self.text = text
        self.asked = []

    def send(self, method, url, headers, body=None):
        self.asked.append((method, url))
        return Answer(self.status)

    def scrape(self, source):
        self.asked.append(("GET", source.url))
        return self.text


def stand_in(stack, world, network):
    """Let the functions of this stack reach the network."""
    stack.transport.__dict__["direct"] = Transport(
        *(stack.nodes, stack.commands.executions, stack.platform.sockets, stack.platform.log),
        push=Push(network),
        push_host=None,
        vpn_domain="nm.internal",
    )
    platform = stack.platform
    stack.metrics.__dict__["nodes"] = NodeMetrics(
        *(platform.tables, platform.clock, stack.nodes, lambda: platform.sockets, platform.log),
        owners=Owners(stack.admins.ownership, stack.transport.dispatch, platform.clock),
        scraper=network,
        push_host=None,
        vpn_domain="nm.internal",
        fresh_seconds=300,
    )


@pytest.fixture
def world():
    world = Stacks()
    world.further = world.stack(FURTHER, push_enabled=True)
    for name in (NEAR, FAR):
        a_cluster(world, name)
    world.near, world.far = (machines(world, 1, name, self_update_enabled=True)[0] for name in (NEAR, FAR))
    for stack in world.both:
        stack.admins.registry.beat()
    world.tick(*world.both)
    world.tick(*world.both)
    world.settle()
    world.network = Network()
    stand_in(world.further, world, world.network)
    assert world.fleet.admins.ownership.owner_of(FAR).name == FURTHER
    return world


def run_on_all(world):
    made = a_command(world)
    world.settle()
    return made


def status_of(world, machine):
    found = world.fleet.commands.executions.waiting_for(machine.id, 1000).pending
    return Status.PENDING if found else Status.SENT


class TestPush:
    def test_push_is_made_by_the_owner_alone(self, world):
        run_on_all(world)
        assert world.work_far() == 1
        ((method, url),) = world.network.asked
        assert (method, world.far.id in url) == ("POST", True)
        assert status_of(world, world.far) is Status.SENT
        assert status_of(world, world.near) is Status.PENDING

    def test_push_by_two_owners_runs_once(self, world):
        run_on_all(world)
        messages = world.far_messages()
        assert world.work_far() == 1
        world.network.status = 422
        world.queue_client.send_message_batch(
            QueueUrl=f"http://queues.test/{QUEUE}",
            Entries=[{"Id": "0", "MessageBody": to_body(messages[0]), "MessageAttributes": {}}],
        )
        assert world.work_far() == 1
        assert len(world.network.asked) == 1
        assert status_of(world, world.far) is Status.SENT


class TestSelfUpdates:
    def states(self, world):
        return {row["node_id"]: row["state"] for row in world.driver.rows(NODE_UPDATES)}

    def test_self_update_is_triggered_by_the_owner(self, world):
        world.fleet.updates.requests.create(Targeting(type=TargetType.ALL), reach=EVERYWHERE)
        world.settle()
        assert self.states(world) == {world.near.id: "pending", world.far.id: "pending"}
        (message,) = world.far_messages()
        assert message["updates"]["node_ids"] == [world.far.id]
        world.work_far(times=2)
        assert self.states(world) == {world.near.id: "pending", world.far.id: "triggered"}
        assert len(world.network.asked) == 1

    def test_self_update_after_a_handover_is_triggered_by_the_new_owner(self, world):
        world.fleet.updates.requests.create(Targeting(type=TargetType.CLUSTERS, cluster_names=(FAR,)), reach=EVERYWHERE)
        world.settle()
        assert len(world.far_messages()) == 1
        for _ in range(4):
            world.tick(world.fleet)
        assert world.fleet.admins.ownership.queue_of(FAR) == ""
        here = Network()
        stand_in(world.fleet, world, here)
        for _ in range(20):
            world.tick(world.fleet)
            world.settle()
        assert len(here.asked) == 1
        assert self.states(world) == {world.far.id: "triggered"}
        assert world.work_far() == 1
        assert world.network.asked == []


class TestMetrics:
    def read(self, world):
        return world.fleet.metrics.nodes.read(world.far.id, MetricsType.HOST, reach=EVERYWHERE)

    def meanwhile(self, world):
        """The further stack's worker works while the core's route waits."""
        sleep = world.clock.sleep
        world.clock.sleep = lambda seconds: (sleep(seconds), world.work_far())

    def test_metrics_read_on_another_stack_are_fetched_by_the_owner(self, world):
        self.meanwhile(world)
        assert self.read(world).metrics.text == "up 1\n"
        assert len(world.clock.pauses) == 1
        ((_, url),) = world.network.asked
        assert url.endswith(":49100/metrics")
        assert world.core_deliveries() == []

    def test_metrics_read_on_the_owner_are_fetched_at_once(self, world):
        assert (
            world.further.metrics.nodes.read(world.far.id, MetricsType.HOST, reach=EVERYWHERE).metrics.text == "up 1\n"
        )
        assert world.far_messages() == []
        assert world.clock.pauses == []

    def test_metrics_not_fetched_are_unavailable_after_five_seconds(self, world):
        with pytest.raises(EdgeError) as refused:
            self.read(world)
        assert refused.value.kind is Kind.UNAVAILABLE
        assert world.clock.pauses == list(PAUSES_SECONDS)

    def test_stale_metrics_request_is_dropped(self, world):
        with pytest.raises(EdgeError):
            self.read(world)
        world.clock.advance(GOES_STALE_AFTER.total_seconds())
        assert world.work_far() == 1
        assert world.network.asked == []

    def test_metrics_request_of_deleted_node_is_dropped(self, world):
        with pytest.raises(EdgeError):
            self.read(world)
        world.fleet.nodes.placing.delete(world.far.id, reach=EVERYWHERE)
        assert world.work_far() == 1
        assert world.network.asked == []

    def test_metrics_of_an_owner_without_queue_are_unavailable_at_once(self, world):
        world.queue_client.gone.add(QUEUE)
        with pytest.raises(EdgeError) as refused:
            self.read(world)
        assert refused.value.kind is Kind.UNAVAILABLE
        assert world.clock.pauses == []

    def test_metrics_of_an_owner_without_push_are_unavailable_at_once(self, world):
        world.further = world.stack(FURTHER, push_enabled=False)
        world.tick(*world.both)
        with pytest.raises(EdgeError):
            self.read(world)
        assert world.far_messages() == []
        assert world.clock.pauses == []

    def test_metrics_read_on_the_further_stack_are_fetched_by_the_core(self):
        world = Stacks(push_enabled=True)
        for name in (NEAR, FAR):
            a_cluster(world, name)
        (machine,) = machines(world, 1, NEAR)
        for stack in world.both:
            stack.admins.registry.beat()
        assert world.further.admins.ownership.owner_of(NEAR).name == "admin-core"
        network = Network()
        stand_in(world.fleet, world, network)
        sleep = world.clock.sleep
        world.clock.sleep = lambda seconds: (sleep(seconds), world.settle())
        assert world.further.metrics.nodes.read(machine.id, MetricsType.HOST, reach=EVERYWHERE).metrics.text == "up 1\n"
        assert len(network.asked) == 1
        assert world.queue_client.take(COMMAND_DELIVERY) == []
