"""Two stacks on one set of tables: each delivers to the clusters that it owns, and takes over when the other dies."""

import pytest

from chalicelib.fleet.admins.handover import REDELIVER_AFTER_SECONDS
from chalicelib.fleet.admins.rules import LIVE_FOR
from chalicelib.fleet.admins.store import HANDED_OVER, TABLE
from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.tables.driver import BusyError
from chalicelib.platform.background.queues import CLEAN_UP
from tests.support.builders import a_cluster, a_command, machines
from tests.support.several_stacks import FURTHER, QUEUE, TICK_SECONDS, Stacks
from tests.support.world import sqs_record

NEAR, FAR = "near", "yonder"
TICKS_TO_DEATH = int(LIVE_FOR.total_seconds()) // TICK_SECONDS


@pytest.fixture
def world():
    """The core owns `NEAR`, the further stack `FAR`, with a machine each."""
    world = Stacks()
    for name in (NEAR, FAR):
        a_cluster(world, name)
    world.near, world.far = (machines(world, 1, name)[0] for name in (NEAR, FAR))
    world.settle()
    for stack in world.both:
        stack.admins.registry.beat()
    world.tick(*world.both)
    finish_handover(world)
    world.tick(*world.both)
    assert world.fleet.admins.registry.snapshot().assignment.owned == {"admin-core": (NEAR,), FURTHER: (FAR,)}
    return world


def finish_handover(world):
    world.clock.advance(REDELIVER_AFTER_SECONDS)
    world.queue_client.release_delayed()
    world.settle()


def connect(world, machine):
    """Open the agent's socket: there is one API for the sockets of all stacks."""
    socket = f"socket-of-{machine.id}"
    world.socket_client.frames[socket] = []
    world.fleet.nodes.connections.connected(machine.token, socket, int(world.clock.now().timestamp() * 1000))
    return world.socket_client.frames[socket]


def run_on(world, *names):
    """A command for these clusters, as far as its executions exist; nobody has been told yet."""
    made = a_command(world, "true", Targeting(type=TargetType.CLUSTERS, cluster_names=names))
    world.relay_only()
    for body in world.queue_client.take(EXECUTION_CREATION):
        world.call("chalicelib.fleet.workers.create_executions.handler", {"Records": [sqs_record(body)]})
    world.relay_only()
    return made


def told(messages):
    return [delivery["node_id"] for message in messages for delivery in message["deliveries"]]


def execution_of(world, machine):
    (row,) = [row for row in world.driver.rows(EXECUTIONS) if row["node_id"] == machine.id]
    return world.fleet.commands.executions.get(row["id"], reach=EVERYWHERE).execution


class TestRouting:
    def test_work_goes_to_the_owner_of_the_nodes_cluster_only(self, world):
        run_on(world, NEAR, FAR)
        assert told(world.far_messages()) == [world.far.id]
        assert told(world.core_deliveries()) == [world.near.id]

    def test_owner_wakes_its_agents_by_the_shared_socket_api(self, world):
        run_on(world, FAR)
        frames = connect(world, world.far)
        assert world.work_far() == 1
        assert frames == [{"type": "executions", "ids": [execution_of(world, world.far).id]}]

    def test_hint_of_the_core_reaches_agents_of_every_stack(self, world):
        frames = connect(world, world.far)
        run_on(world, FAR)
        assert [frame["type"] for frame in frames] == ["executions"]

    def test_cancellation_goes_to_the_owner(self, world):
        run_on(world, FAR)
        world.work_far()
        world.fleet.commands.executions.acknowledge(world.far.id, execution_of(world, world.far).id)
        world.fleet.commands.executions.cancel(execution_of(world, world.far).id, reach=EVERYWHERE)
        world.relay_only()
        assert [delivery["kind"] for message in world.far_messages() for delivery in message["deliveries"]] == [
            "cancel"
        ]

    def test_messages_to_owners_carry_the_request_id(self, world):
        run_on(world, FAR)
        (entry,) = world.queue_client.sent[QUEUE]
        assert entry["MessageAttributes"]["request_id"]["StringValue"] != "none"

    def test_owners_are_read_once_in_ten_seconds(self, world):
        machines(world, 30, FAR)
        world.settle()
        world.clock.advance(10)
        world.driver.meter.reset()
        reads = []
        original = world.driver.get
        world.driver.get = lambda ref, **options: (reads.append(ref.table.name), original(ref, **options))[1]
        for _ in range(3):
            run_on(world, FAR)
        assert len(told(world.far_messages())) == 3 * 31
        assert reads.count(TABLE.name) == 1


class TestNobodyToAsk:
    def test_work_of_a_single_stack_goes_to_the_core(self):
        world = Stacks()
        a_cluster(world, FAR)
        machines(world, 1, FAR)
        world.fleet.admins.registry.beat()
        run_on(world, FAR)
        assert len(world.core_deliveries()) == 1
        assert world.far_messages() == []

    def test_work_of_an_orphaned_cluster_goes_to_the_core(self):
        world = Stacks(admin_max_wireguard_peers=1)
        world.further = world.stack(FURTHER, admin_max_wireguard_peers=3)
        a_cluster(world, FAR)
        (machine, *_) = machines(world, 5, FAR)
        for stack in world.both:
            stack.admins.registry.beat()
        assert world.fleet.admins.registry.snapshot().assignment.orphaned == (FAR,)
        run_on(world, FAR)
        assert machine.id in told(world.core_deliveries())
        assert world.far_messages() == []

    def test_work_of_an_owner_without_a_queue_setting_goes_to_the_core(self, world):
        world.further = world.stack(FURTHER, delivery_queue_url="")
        world.tick(*world.both)
        run_on(world, FAR)
        assert told(world.core_deliveries()) == [world.far.id]

    def test_work_of_an_owner_with_a_deleted_queue_goes_to_the_core(self, world):
        world.queue_client.gone.add(QUEUE)
        run_on(world, NEAR, FAR)
        assert sorted(told(world.core_deliveries())) == sorted([world.near.id, world.far.id])
        (line,) = world.logged("owner_not_reached")
        assert QUEUE in line["error"]

    def test_work_while_owners_cannot_be_read_goes_to_the_core(self, world):
        run_on(world, NEAR)
        world.queue_client.take(COMMAND_DELIVERY)
        world.clock.advance(10)
        original = world.driver.get

        def refuse(ref, **options):
            if ref.table is TABLE:
                raise BusyError("throttled")
            return original(ref, **options)

        world.driver.get = refuse
        run_on(world, FAR)
        assert told(world.core_deliveries()) == [world.far.id]
        assert [line["error"] for line in world.logged("owners_unknown")] == ["service_unavailable"]

    def test_work_without_a_recent_assignment_goes_to_the_core(self, world):
        world.clock.advance(LIVE_FOR.total_seconds())
        run_on(world, FAR)
        assert told(world.core_deliveries()) == [world.far.id]

    def test_stack_of_another_admin_cluster_gets_no_work(self, world):
        other = world.stack("admin-other", admin_cluster_name="admin-cluster-other")
        world.tick(world.fleet, other)
        assert world.fleet.admins.ownership.owner_of(NEAR).name == "admin-core"
        run_on(world, NEAR)
        assert told(world.core_deliveries()) == [world.near.id]


class TestTakeover:
    def die(self, world):
        """The further stack's last sign of life is as old as it may be; the core goes on."""
        for _ in range(TICKS_TO_DEATH):
            world.tick(world.fleet)

    def test_work_of_a_dead_owner_is_delivered_by_the_core(self, world):
        run_on(world, FAR)
        frames = connect(world, world.far)
        for _ in range(TICKS_TO_DEATH - 1):
            world.tick(world.fleet)
            assert world.fleet.admins.ownership.owner_of(FAR).name == FURTHER
        world.tick(world.fleet)
        assert world.fleet.admins.registry.snapshot().assignment.owned == {"admin-core": (NEAR, FAR)}
        finish_handover(world)
        assert frames == [{"type": "executions", "ids": [execution_of(world, world.far).id]}]
        assert told(world.far_messages()) == [world.far.id]

    def test_cancellation_sent_to_a_dead_owner_is_sent_again(self, world):
        run_on(world, FAR)
        world.work_far()
        execution_id = execution_of(world, world.far).id
        world.fleet.commands.executions.acknowledge(world.far.id, execution_id)
        world.fleet.commands.executions.cancel(execution_id, reach=EVERYWHERE)
        world.relay_only()
        frames = connect(world, world.far)
        self.die(world)
        finish_handover(world)
        assert frames == [{"type": "cancel", "ids": [execution_id]}]

    def test_new_work_after_a_takeover_goes_to_the_core(self, world):
        self.die(world)
        finish_handover(world)
        run_on(world, FAR)
        assert told(world.core_deliveries()) == [world.far.id]
        assert world.far_messages() == []

    def test_work_sent_to_the_old_owner_after_a_takeover_is_redelivered(self, world):
        world.fleet.admins.ownership.owner_of(FAR)
        for _ in range(TICKS_TO_DEATH - 1):
            world.tick(world.fleet)
        world.clock.advance(TICK_SECONDS - 1)
        world.fleet.admins.ownership.owner_of(FAR)
        world.clock.advance(1)
        world.fleet.admins.registry.beat()
        world.sweep("sweep_commands")
        run_on(world, FAR)
        assert told(world.far_messages()) == [world.far.id]
        frames = connect(world, world.far)
        finish_handover(world)
        assert [frame["type"] for frame in frames] == ["executions"]

    def test_returning_owner_changes_no_finished_execution(self, world):
        run_on(world, FAR)
        self.die(world)
        finish_handover(world)
        execution_id = execution_of(world, world.far).id
        world.fleet.commands.executions.acknowledge(world.far.id, execution_id)
        world.fleet.commands.executions.report(world.far.id, execution_id, Report(Status.COMPLETED, "done", 0))
        before = execution_of(world, world.far)
        assert world.work_far(times=2) == 1
        assert execution_of(world, world.far) == before
        world.tick(*world.both)
        finish_handover(world)
        run_on(world, FAR)
        assert told(world.far_messages()) == [world.far.id]

    def test_former_owner_still_delivers_its_queued_work(self, world):
        run_on(world, FAR)
        world.further = world.stack(FURTHER, admin_max_wireguard_peers=1)
        world.tick(*world.both)
        assert world.fleet.admins.ownership.queue_of(FAR) == ""
        frames = connect(world, world.far)
        assert world.work_far() == 1
        finish_handover(world)
        assert frames == [{"type": "executions", "ids": [execution_of(world, world.far).id]}] * 2

    def test_joining_stack_is_handed_the_waiting_work(self):
        world = Stacks()
        for name in (NEAR, FAR):
            a_cluster(world, name)
        machines(world, 1, NEAR)
        (machine,) = machines(world, 1, FAR)
        world.fleet.admins.registry.beat()
        run_on(world, FAR)
        world.settle()
        world.tick(*world.both)
        world.tick(*world.both)
        world.clock.advance(REDELIVER_AFTER_SECONDS)
        world.queue_client.release_delayed()
        world.settle()
        assert world.fleet.admins.ownership.owner_of(FAR).name == FURTHER
        assert told(world.far_messages()) == [machine.id]


class TestHandover:
    def moved(self, world):
        world.tick(world.fleet)
        world.tick(world.fleet)
        world.clock.advance(TICK_SECONDS)
        world.fleet.admins.registry.beat()
        return world.fleet.admins.handover.moved()

    def redeliveries(self, world):
        bodies = [entry["MessageBody"] for entry in world.queue_client.delayed.get(CLEAN_UP, [])]
        return [body for body in bodies if '"redeliver"' in body]

    def test_handover_redelivers_moved_clusters_once(self, world):
        assert self.moved(world).cluster_names == (FAR,)
        world.sweep("sweep_commands")
        world.sweep("sweep_commands")
        assert len(self.redeliveries(world)) == 1
        assert world.fleet.admins.handover.moved().cluster_names == ()

    def test_handover_repeated_after_a_crash_is_completed(self, world):
        self.moved(world)
        world.driver.crash_after(1)
        world.sweep("sweep_commands")
        assert 1 <= len(self.redeliveries(world)) <= 2
        assert world.fleet.admins.handover.moved().cluster_names == ()

    def test_concurrent_handovers_record_one_change(self, world):
        first = self.moved(world)
        second = world.fleet.admins.handover.moved()
        for moved in (first, second):
            world.fleet.admins.handover.note(moved)
        (row,) = [row for row in world.driver.rows(TABLE) if row["kind"] == HANDED_OVER]
        assert row["version"] == first.version + 1
        assert world.fleet.admins.handover.moved().cluster_names == ()

    def test_handover_of_a_deleted_cluster_delivers_nothing(self, world):
        world.fleet.nodes.placing.delete(world.far.id, reach=EVERYWHERE)
        world.fleet.clusters.delete(FAR, reach=EVERYWHERE)
        world.fleet.admins.registry.beat()
        assert world.fleet.admins.handover.moved().cluster_names == (FAR,)
        world.sweep("sweep_commands")
        finish_handover(world)
        assert world.fleet.transport.redelivery.chunk(FAR, None).cursor is None
        assert world.fleet.transport.redelivery.chunk(FAR, None).work.messages(str) == {}

    def test_handover_of_a_large_cluster_continues_in_chunks(self, world):
        machines(world, 150, FAR)
        run_on(world, FAR)
        first = world.fleet.transport.redelivery.chunk(FAR, None)
        rest = world.fleet.transport.redelivery.chunk(FAR, first.cursor)
        names = [told(chunk.work.messages(lambda _name: "")[""]) for chunk in (first, rest)]
        assert [len(each) for each in names] == [100, 51]
        assert len(set(names[0]) | set(names[1])) == 151
        assert rest.cursor is None

    def test_handover_check_of_a_single_stack_takes_one_read(self):
        world = Stacks()
        a_cluster(world, NEAR)
        world.fleet.admins.registry.beat()
        world.platform.tables.meter.reset()
        assert world.fleet.admins.handover.moved().cluster_names == ()
        assert world.platform.tables.meter.count == 1
