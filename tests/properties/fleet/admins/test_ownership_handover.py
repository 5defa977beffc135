"""Whatever two stacks do, and whenever one of them dies: what waits for a machine is told by the one that is left."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.fleet.admins.handover import REDELIVER_AFTER_SECONDS
from chalicelib.fleet.admins.rules import LIVE_FOR
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.targeting.model import Targeting, TargetType
from tests.support.builders import a_cluster, a_command, machines
from tests.support.several_stacks import TICK_SECONDS, Stacks
from tests.support.world import sqs_record

CLUSTERS = ("north", "south", "west")
SOCKET = "socket-{}"

COMMANDS = st.sampled_from(CLUSTERS).map(lambda name: ("command", name))
PAUSES = st.sampled_from([("wait", seconds) for seconds in (1, 9, 30)])
ALIVE = st.lists(st.one_of(COMMANDS, PAUSES, st.sampled_from([("both", ""), ("core", ""), ("work", "")])), max_size=8)
DEAD = st.lists(st.one_of(COMMANDS, PAUSES, st.just(("core", ""))), max_size=6)


def act(world, kind, what):
    match kind:
        case "command":
            a_command(world, "true", Targeting(type=TargetType.CLUSTERS, cluster_names=(what,)))
            relay(world)
        case "wait":
            world.clock.advance(what)
        case "both":
            world.tick(*world.both)
        case "core":
            world.tick(world.fleet)
        case "work":
            world.work_far()


def relay(world):
    """Executions exist and deliveries are queued; nobody has been told."""
    world.relay_only()
    for body in world.queue_client.take(EXECUTION_CREATION):
        world.call("chalicelib.fleet.workers.create_executions.handler", {"Records": [sqs_record(body)]})
    world.relay_only()


def connect(world, machine):
    socket = SOCKET.format(machine.id)
    world.socket_client.frames[socket] = []
    world.fleet.nodes.connections.connected(machine.token, socket, int(world.clock.now().timestamp() * 1000))


@settings(max_examples=40, deadline=None)
@given(before=ALIVE, after=DEAD)
def test_work_of_a_dead_owner_is_delivered_by_the_other_stack(before, after):
    world = Stacks()
    for name in CLUSTERS:
        a_cluster(world, name)
    fleet = [machines(world, 1, name)[0] for name in CLUSTERS]
    world.settle()
    for kind, what in (("both", ""), ("both", ""), *before, *after):
        act(world, kind, what)
    ticks_to_death = int(LIVE_FOR.total_seconds()) // TICK_SECONDS
    for _ in range(ticks_to_death):
        act(world, "core", "")
    unread = world.far_messages()
    for machine in fleet:
        connect(world, machine)
    world.clock.advance(REDELIVER_AFTER_SECONDS)
    world.queue_client.release_delayed()
    world.settle()
    told = {
        machine.id: {
            execution_id
            for frame in world.socket_client.frames[SOCKET.format(machine.id)]
            for execution_id in frame["ids"]
        }
        for machine in fleet
    }
    orphans = {
        execution_id
        for message in unread
        for delivery in message["deliveries"]
        for execution_id in delivery["execution_ids"]
    }
    assert orphans <= set().union(*told.values())
    assert world.far_messages() == unread
    for machine in fleet:
        assert told[machine.id] <= set(world.fleet.commands.executions.waiting_for(machine.id, 1000).pending)
