"""Nodes that an index hid while a fan-out was at work, or that moved meanwhile: a second look finds them."""

from datetime import timedelta

import pytest

from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS
from tests.support.builders import a_cluster, a_command, machines
from tests.support.declared import WORKERS
from tests.support.world import World, sqs_record

ALL = Targeting(type=TargetType.ALL)
BOTH = Targeting(type=TargetType.CLUSTERS, cluster_names=("a", "b"))
LOOKS = (60, 900)
"""Seconds after the first pass."""


@pytest.fixture
def world():
    world = World()
    for name in ("a", "b"):
        a_cluster(world, name)
    return world


def later(world, seconds):
    world.clock.advance(seconds)
    world.sweep("sweep_commands")
    world.settle()


def reached(world):
    return {row["node_id"] for row in world.driver.rows(EXECUTIONS)}


def queued(world, queue):
    """The messages that a new request is begun with."""
    world.relay_only()
    return world.queue_client.take(queue)


def handle(world, queue, message):
    assert world.call(WORKERS[queue], {"Records": [sqs_record(message)]}) == {"batchItemFailures": []}


def fan_out_row(world):
    (row,) = world.driver.rows(FAN_OUTS)
    return row


def move_between_parts(world, queue, node_id, first, second):
    """The part of ``second`` is done, the node moves there from ``first``, and the part of that is done."""
    clusters = {name: world.fleet.clusters.get(name, reach=EVERYWHERE) for name in (first, second)}
    by_part = {message["part"]: message for message in queued(world, queue)}
    handle(world, queue, by_part[f"cluster#{clusters[second].id}"])
    world.fleet.nodes.placing.change_cluster(node_id, second, reach=EVERYWHERE)
    handle(world, queue, by_part[f"cluster#{clusters[first].id}"])
    world.settle()


class TestCommands:
    def test_node_hidden_by_index_lag_gets_its_execution_at_the_first_look(self, world):
        world.driver.index_lag(30)
        (machine,) = machines(world, 1, "a")
        world.clock.advance(20)
        a_command(world)
        world.settle()
        assert reached(world) == set()
        later(world, LOOKS[0])
        assert reached(world) == {machine.id}

    def test_hidden_node_that_changes_meanwhile_gets_its_execution(self, world):
        world.driver.index_lag(30)
        (machine,) = machines(world, 1, "a")
        world.clock.advance(20)
        a_command(world, targeting=BOTH)
        world.settle()
        world.clock.advance(5)
        world.fleet.nodes.health.report(world.fleet.nodes.identity.authenticate(machine.token), Status.UNHEALTHY)
        later(world, LOOKS[0])
        assert reached(world) == {machine.id}

    @pytest.mark.parametrize(
        "type_", [{"type": TargetType.ALL}, {"type": TargetType.CLUSTERS, "cluster_names": ("a",)}]
    )
    @pytest.mark.parametrize("filters", [{"version": "2.1"}, {"os_name": "Debian"}, {"inserted_at__lte": "2027-01-01"}])
    def test_hidden_node_that_changes_beside_its_filters_gets_its_execution(self, world, type_, filters):
        world.driver.index_lag(30)
        (machine,) = machines(world, 1, "a", agent_version="2.1", os_name="Debian")
        world.clock.advance(20)
        a_command(world, targeting=Targeting(**type_, node_filters=filters))
        world.settle()
        assert reached(world) == set()
        world.clock.advance(5)
        world.fleet.nodes.health.report(world.fleet.nodes.identity.authenticate(machine.token), Status.UNHEALTHY)
        world.fleet.nodes.labelling.change(machine.id, {"env": "prod"}, reach=EVERYWHERE)
        later(world, LOOKS[0])
        assert reached(world) == {machine.id}

    def test_hidden_node_that_fits_its_filters_by_a_change_gets_no_execution(self, world):
        world.driver.index_lag(30)
        (machine,) = machines(world, 1, "a")
        world.clock.advance(20)
        targeting = Targeting(type=TargetType.ALL, node_filters={"labels": "env:prod", "status": "healthy"})
        a_command(world, targeting=targeting)
        world.settle()
        world.clock.advance(5)
        world.fleet.nodes.labelling.change(machine.id, {"env": "prod"}, reach=EVERYWHERE)
        for seconds in LOOKS:
            later(world, seconds)
        assert reached(world) == set()

    def test_hidden_node_is_served_though_the_clock_of_the_worker_is_behind(self, world):
        world.driver.index_lag(30)
        (machine,) = machines(world, 1, "a", agent_version="2.1")
        a_command(world, targeting=Targeting(type=TargetType.ALL, node_filters={"version": "2.1"}))
        world.clock.advance(-2)
        world.settle()
        later(world, 2 + LOOKS[0])
        assert reached(world) == {machine.id}

    def test_node_moved_between_parts_gets_one_execution(self, world):
        (machine,) = machines(world, 1, "a")
        world.settle()
        world.clock.advance(600)
        a_command(world, targeting=BOTH)
        move_between_parts(world, EXECUTION_CREATION, machine.id, "a", "b")
        for seconds in LOOKS:
            later(world, seconds)
        assert [row["node_cluster_name"] for row in world.driver.rows(EXECUTIONS)] == ["b"]

    def test_node_hidden_for_long_gets_its_execution_at_the_last_look(self, world):
        world.driver.index_lag(300)
        (machine,) = machines(world, 1, "a")
        world.clock.advance(20)
        a_command(world)
        world.settle()
        later(world, LOOKS[0])
        assert reached(world) == set()
        later(world, LOOKS[1])
        assert reached(world) == {machine.id}

    def test_node_moved_into_the_cluster_later_gets_no_execution(self, world):
        (machine,) = machines(world, 1, "a")
        world.settle()
        a_command(world, targeting=Targeting(type=TargetType.CLUSTERS, cluster_names=("b",)))
        world.settle()
        world.clock.advance(1)
        world.fleet.nodes.placing.change_cluster(machine.id, "b", reach=EVERYWHERE)
        for seconds in LOOKS:
            later(world, seconds)
        assert reached(world) == set()

    def test_node_matching_filters_later_gets_no_execution(self, world):
        (machine,) = machines(world, 1, "a")
        agent = world.fleet.nodes.identity.authenticate(machine.token)
        world.fleet.nodes.health.report(agent, Status.UNHEALTHY)
        world.settle()
        a_command(world, targeting=Targeting(type=TargetType.ALL, node_filters={"status": "healthy"}))
        world.settle()
        world.clock.advance(1)
        world.fleet.nodes.health.report(world.fleet.nodes.identity.authenticate(machine.token), Status.HEALTHY)
        for seconds in LOOKS:
            later(world, seconds)
        assert reached(world) == set()

    def test_node_enrolled_after_the_fan_out_gets_no_execution(self, world):
        a_command(world)
        world.settle()
        world.clock.advance(1)
        machines(world, 1, "a")
        for seconds in LOOKS:
            later(world, seconds)
        assert reached(world) == set()

    def test_last_look_leaves_no_due_work_despite_duplicates(self, world):
        machines(world, 3, "a")
        a_command(world)
        world.settle(twice=True)
        for seconds in LOOKS:
            world.clock.advance(seconds)
            world.sweep("sweep_commands")
            world.settle(twice=True)
        assert len(world.driver.rows(EXECUTIONS)) == 3
        assert {"looks", "looks_since", "cursors"}.isdisjoint(row := fan_out_row(world))
        assert row["due_at"] == row["deadline"]

    def test_command_for_named_nodes_has_no_second_look(self, world):
        (machine,) = machines(world, 1, "a")
        a_command(world, targeting=Targeting(type=TargetType.NODES, node_ids=(machine.id,)))
        world.settle()
        row = fan_out_row(world)
        assert (row.get("looks_since"), row["due_at"]) == (None, row["deadline"])

    @pytest.mark.parametrize("end", ["cancel", "delete"])
    def test_cancelled_or_deleted_command_creates_nothing_at_looks(self, world, end):
        world.driver.index_lag(30)
        machines(world, 1, "a")
        made = a_command(world)
        world.settle()
        getattr(world.fleet.commands.registry, end)(made.id, reach=EVERYWHERE)
        for seconds in LOOKS:
            later(world, seconds)
        assert reached(world) == set()

    def test_command_past_its_deadline_creates_nothing_at_looks(self, world):
        world.driver.index_lag(30)
        machines(world, 1, "a")
        a_command(world, expired_at=world.clock.now() + timedelta(seconds=45))
        world.settle()
        for seconds in LOOKS:
            later(world, seconds)
        assert reached(world) == set()
        assert "looks_since" not in fan_out_row(world)

    def test_command_look_out_of_time_continues_where_it_stopped(self, world):
        world.driver.index_lag(30)
        fleet = machines(world, 6, "a")
        a_command(world)
        world.settle()
        world.seconds_left = 0
        later(world, LOOKS[0])
        assert reached(world) == {machine.id for machine in fleet}

    def test_look_at_a_small_fleet_takes_few_calls(self, world):
        machines(world, 20, "a")
        a_command(world)
        world.settle()
        world.clock.advance(LOOKS[0])
        world.sweep("sweep_commands")
        (message,) = world.queue_client.take(EXECUTION_CREATION)
        handle(world, EXECUTION_CREATION, message)
        calls = [(call.operation, call.table) for call in world.platform.tables.meter.calls]
        assert calls == [
            ("BatchGetItem", "commands,fan_outs"),
            *[("Query", "executions")] * 4,
            *[("Query", "nodes")] * 4,
            ("UpdateItem", "fan_outs"),
        ]


class TestSelfUpdates:
    def told(self, world):
        return {row["node_id"] for row in world.driver.rows(NODE_UPDATES)}

    def test_node_hidden_by_index_lag_is_updated_at_the_first_look(self, world):
        world.driver.index_lag(30)
        (machine,) = machines(world, 1, "a", self_update_enabled=True)
        world.clock.advance(20)
        request = world.fleet.updates.requests.create(ALL, reach=EVERYWHERE)
        world.settle()
        assert self.told(world) == set()
        assert world.fleet.updates.requests.get(request.id, reach=EVERYWHERE).status.value == "processing"
        later(world, LOOKS[0])
        assert self.told(world) == {machine.id}

    def test_node_moved_between_parts_is_updated_at_the_first_look(self, world):
        (machine,) = machines(world, 1, "a", self_update_enabled=True)
        world.settle()
        world.clock.advance(600)
        world.fleet.updates.requests.create(BOTH, reach=EVERYWHERE)
        move_between_parts(world, SELF_UPDATES, machine.id, "a", "b")
        assert self.told(world) == set()
        later(world, LOOKS[0])
        assert self.told(world) == {machine.id}

    def test_node_healthy_only_later_is_not_updated(self, world):
        (machine,) = machines(world, 1, "a", self_update_enabled=True)
        world.fleet.nodes.health.report(world.fleet.nodes.identity.authenticate(machine.token), Status.UNHEALTHY)
        world.settle()
        request = world.fleet.updates.requests.create(ALL, reach=EVERYWHERE)
        world.settle()
        world.clock.advance(1)
        world.fleet.nodes.health.report(world.fleet.nodes.identity.authenticate(machine.token), Status.HEALTHY)
        later(world, LOOKS[0])
        assert self.told(world) == set()
        assert world.fleet.updates.requests.get(request.id, reach=EVERYWHERE).status.value == "completed"

    def test_update_look_out_of_time_continues_where_it_stopped(self, world):
        world.driver.index_lag(30)
        fleet = machines(world, 6, "a", self_update_enabled=True)
        world.fleet.updates.requests.create(ALL, reach=EVERYWHERE)
        world.settle()
        world.seconds_left = 0
        later(world, LOOKS[0])
        assert self.told(world) == {machine.id for machine in fleet}
        (row,) = world.driver.rows(REQUESTS)
        assert {"looks", "looks_since", "cursors"}.isdisjoint(row)
