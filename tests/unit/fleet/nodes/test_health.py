import pytest

from chalicelib.fleet.nodes.health import HealthSweep
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.store import HEALTH_SHARDS, NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from tests.unit.fleet.nodes.world import node_id

BUDGET = 45.0


def sweep(world) -> HealthSweep:
    return world.nodes.health.sweep(BUDGET)


@pytest.fixture
def silent(world):
    """A node that the sweep has found silent."""
    registered = world.enrol()
    world.call(registered)
    world.clock.advance(301)
    assert sweep(world).unreachable == 1
    return registered


def test_silent_node_becomes_unreachable_once(world):
    world.enrol()
    position = world.dynamo.stream_position
    world.clock.advance(299)
    assert sweep(world) == HealthSweep()
    world.clock.advance(1)

    assert sweep(world) == HealthSweep(unreachable=1)
    assert sweep(world) == HealthSweep()

    node = world.node()
    assert (node.status, node.updated_at) == (Status.UNREACHABLE, "2026-11-21T10:05:00Z")
    assert node.last_seen_at == "2026-11-21T10:00:00Z"
    assert world.presence().health_due is None
    assert world.operations_since(position) == [("MODIFY", "node.became_unreachable")]


def test_recently_seen_node_is_rescheduled_by_the_sweep(world):
    registered = world.enrol()
    world.clock.advance(200)
    world.call(registered)
    position = world.dynamo.stream_position
    world.clock.advance(101)

    assert sweep(world) == HealthSweep(moved=1)

    assert world.presence().health_due == "2026-11-21T10:08:20Z"
    assert world.node().status is Status.HEALTHY
    assert world.operations_since(position) == []


def test_call_of_an_unreachable_node_makes_it_healthy_in_one_transaction(world, silent):
    position = world.dynamo.stream_position
    agent = world.agent(silent)

    assert world.calls(lambda: world.nodes.health.touch(agent)) == 1

    assert world.node().status is Status.HEALTHY
    assert world.node().last_seen_at == world.presence().last_seen_at == "2026-11-21T10:05:01Z"
    assert world.presence().health_due == "2026-11-21T10:10:01Z"
    assert world.operations_since(position) == [("MODIFY", "node.became_healthy")]


def test_unhealthy_node_becomes_healthy_by_its_own_report_only(world):
    registered = world.enrol()
    world.nodes.health.report(world.call(registered), Status.UNHEALTHY)
    world.clock.advance(60)
    world.call(registered)
    assert world.node().status is Status.UNHEALTHY

    view = world.nodes.health.report(world.call(registered), Status.HEALTHY)

    assert view.node.status is world.node().status is Status.HEALTHY


def test_silent_unhealthy_node_becomes_unreachable(world):
    registered = world.enrol()
    world.nodes.health.report(world.call(registered), Status.UNHEALTHY)
    world.clock.advance(301)

    assert sweep(world).unreachable == 1
    assert world.node().status is Status.UNREACHABLE


def test_unchanged_health_report_costs_no_call_beyond_the_touch(world):
    registered = world.enrol()
    world.call(registered)

    assert world.calls(lambda: world.nodes.health.report(world.call(registered), Status.HEALTHY)) == 1
    world.clock.advance(30)
    assert world.calls(lambda: world.nodes.health.report(world.call(registered), Status.HEALTHY)) == 2


def test_health_change_is_one_event_with_its_time(world):
    registered = world.enrol()
    world.clock.advance(10)
    position = world.dynamo.stream_position

    view = world.nodes.health.report(world.call(registered), Status.UNHEALTHY)

    assert (view.node.status, view.last_seen_at) == (Status.UNHEALTHY, "2026-11-21T10:00:10Z")
    assert world.node().updated_at == "2026-11-21T10:00:10Z"
    assert world.operations_since(position) == [("MODIFY", "node.health_reported")]


def test_unreachable_node_reporting_unhealthy_ends_unhealthy(world, silent):
    view = world.nodes.health.report(world.call(silent), Status.UNHEALTHY)

    assert view.node.status is world.node().status is Status.UNHEALTHY
    assert world.presence().health_due == "2026-11-21T10:10:01Z"


def test_health_report_of_a_node_deleted_meanwhile_is_not_found(world):
    registered = world.enrol()
    agent = world.call(registered)
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)

    with pytest.raises(EdgeError) as caught:
        world.nodes.health.report(agent, Status.UNHEALTHY)

    assert caught.value.kind is Kind.NOT_FOUND
    assert world.node() is None


def test_node_calling_during_the_sweep_stays_healthy(world):
    registered = world.enrol()
    world.clock.advance(301)
    world.dynamo.before_next(lambda: world.call(registered), operation="TransactWriteItems", table=NODES)

    assert sweep(world).unreachable == 0

    assert world.node().status is Status.HEALTHY
    assert sweep(world) == HealthSweep(moved=1)


def test_node_marked_unreachable_during_its_call_ends_healthy(world):
    registered = world.enrol()
    world.clock.advance(301)
    agent = world.agent(registered)
    assert sweep(world).unreachable == 1

    world.nodes.health.touch(agent)

    assert world.node().status is Status.HEALTHY
    assert world.presence().health_due == "2026-11-21T10:10:01Z"


def test_late_touch_does_not_set_last_seen_back(world):
    registered = world.enrol()
    world.call(registered)
    world.clock.advance(60)
    world.call(registered)
    late = world.agent(registered)
    world.clock.advance(-20)
    early = late.presence.model_copy(update={"last_seen_at": "2026-11-21T10:00:00Z"})

    world.nodes.health.touch(type(late)(late.node, early))

    assert world.presence().last_seen_at == "2026-11-21T10:01:00Z"


def test_touch_after_deletion_writes_nothing(world):
    registered = world.enrol()
    world.clock.advance(40)
    agent = world.agent(registered)
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
    world.nodes.connections.forget_deleted(node_id(1))

    world.nodes.health.touch(agent)

    assert world.dynamo.rows(PRESENCE) == []
    assert world.dynamo.rows(NODES) == []


def test_health_sweep_leaves_the_presence_of_a_deleted_node(world):
    world.enrol()
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
    world.clock.advance(1000)
    assert sweep(world) == HealthSweep()
    assert world.calls(lambda: sweep(world)) == HEALTH_SHARDS  # and reads no row
    assert [row["id"] for row in world.dynamo.rows(PRESENCE)] == [node_id(1)]
    assert world.node() is None


def test_health_sweep_reads_due_nodes_only(world):
    for number in range(40):
        world.enrol(number)
    world.clock.advance(200)
    for number in range(40, 43):
        world.enrol(number)

    idle = world.calls(lambda: sweep(world))
    world.clock.advance(101)
    assert sweep(world).unreachable == 40
    world.clock.advance(100)
    with_work = world.calls(lambda: sweep(world))

    assert idle == 16
    assert world.tables.meter.count == with_work
    assert with_work <= 16 + 3 * 2 + 0


def test_concurrent_health_sweeps_mark_each_node_once(world):
    for number in range(20):
        world.enrol(number)
    world.clock.advance(301)
    world.dynamo.latency(0.001)
    position = world.dynamo.stream_position

    sweeps = world.clock.run_together([lambda: sweep(world), lambda: sweep(world)])

    assert sum(done.unreachable for done in sweeps) == 20
    assert world.operations_since(position) == [("MODIFY", "node.became_unreachable")] * 20


def test_health_sweep_out_of_time_is_finished_by_the_next(world):
    for number in range(30):
        world.enrol(number)
    world.clock.advance(301)
    world.dynamo.latency(1.0)

    first = world.nodes.health.sweep(20.0)
    world.dynamo.latency(0)
    second = sweep(world)

    assert not first.finished
    assert second.finished
    assert first.unreachable + second.unreachable == 30


def test_health_sweep_covers_more_nodes_than_a_page(world):
    world.clusters.create("wide", None, None)
    for number in range(350):
        world.enrol(number, "wide")
    world.clock.advance(301)

    assert world.nodes.health.sweep(600.0).unreachable == 350


def test_node_deleted_during_the_sweep_is_not_recreated(world):
    world.enrol()
    world.clock.advance(301)
    world.dynamo.before_next(
        lambda: world.nodes.placing.delete(node_id(1), reach=EVERYWHERE), operation="TransactWriteItems", table=NODES
    )

    assert sweep(world) == HealthSweep()

    assert world.node() is None


def test_presence_removed_during_the_sweep_is_not_recreated(world):
    registered = world.enrol()
    world.clock.advance(200)
    world.call(registered)
    world.clock.advance(101)

    def delete():
        world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
        world.nodes.connections.forget_deleted(node_id(1))

    world.dynamo.before_next(delete, operation="UpdateItem", table=PRESENCE)

    assert sweep(world) == HealthSweep()
    assert world.dynamo.rows(PRESENCE) == []


def test_stale_touch_keeps_a_newer_unhealthy_report(world, silent):
    stale = world.agent(silent)
    world.dynamo.before_next(
        lambda: world.nodes.health.report(world.agent(silent), Status.UNHEALTHY),
        operation="TransactWriteItems",
        table=NODES,
    )

    world.nodes.health.touch(stale)

    assert world.node().status is Status.UNHEALTHY


def test_health_report_with_a_replaced_token_is_not_found(world):
    registered = world.enrol()
    agent = world.call(registered)
    world.nodes.registering.register(world.registration(), None, registered.secrets.api_token)

    with pytest.raises(EdgeError) as caught:
        world.nodes.health.report(agent, Status.UNHEALTHY)

    assert caught.value.kind is Kind.NOT_FOUND
    assert world.node().status is Status.HEALTHY
