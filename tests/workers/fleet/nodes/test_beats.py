"""While an agent is connected it does not poll: its beats bring what a lost frame did not."""

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.nodes.store import CONNECTIONS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.transport.dispatch import IDS_PER_FRAME
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World

SOCKET = "socket-1"


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    [world.machine] = machines(world, 1)
    connect(world, SOCKET, connected_at_ms=2_000)
    return world


def connect(world, connection_id, *, connected_at_ms):
    world.fleet.nodes.connections.connected(world.machine.token, connection_id, connected_at_ms)
    world.socket_client.frames[connection_id] = []


def execution(world):
    """A new one, of which the node has been told."""
    a_command(world)
    world.settle()
    frame = world.socket_client.frames[SOCKET].pop()
    world.socket_client.frames[SOCKET].clear()
    return frame["ids"][0]


def beat(world, connection_id=SOCKET):
    world.clock.advance(540)
    context = {"connectionId": connection_id, "requestId": "r-1", "identity": {"sourceIp": "203.0.113.9"}}
    answer = world.call("chalicelib.fleet.workers.connections.message", {"requestContext": context, "body": "{}"})
    assert answer == {"statusCode": 200}
    calls = world.driver.meter.count
    world.settle()
    return calls


def told(world):
    return [(frame["type"], frame["ids"]) for frame in world.socket_client.frames[SOCKET]]


def test_beat_without_waiting_work_costs_three_reads_and_a_write(world):
    assert beat(world) == 4
    assert told(world) == []


def test_beat_sends_waiting_executions_again(world):
    waiting = execution(world)

    beat(world)

    assert told(world) == [("executions", [waiting])]


def test_beat_sends_pending_cancellations_again(world):
    running = execution(world)
    world.fleet.commands.executions.acknowledge(world.machine.id, running)
    world.fleet.commands.executions.cancel(running, reach=EVERYWHERE)
    world.settle()
    world.socket_client.frames[SOCKET].clear()

    beat(world)

    assert told(world) == [("cancel", [running])]


def test_beat_omits_running_and_ended_executions(world):
    running, ended = execution(world), execution(world)
    for each in (running, ended):
        world.fleet.commands.executions.acknowledge(world.machine.id, each)
    world.fleet.commands.executions.report(world.machine.id, ended, Report(is_expired=False, exit_code=0))
    world.settle()

    beat(world)

    assert told(world) == []


@pytest.mark.parametrize("is_cleared", [False, True])
def test_beat_on_a_replaced_or_stale_socket_closes_it(world, is_cleared):
    """An agent on a socket that was replaced, or that a post did not find, would wait there for ever."""
    execution(world)
    if is_cleared:
        del world.socket_client.frames[SOCKET]
        world.clock.advance(60)
        a_command(world)
        world.settle()
    else:
        connect(world, "newer", connected_at_ms=3_000)
    world.socket_client.frames[SOCKET] = []

    beat(world)

    assert world.socket_client.closed == [SOCKET]
    assert [row["id"] for row in world.driver.rows(CONNECTIONS)] == ([] if is_cleared else ["newer"])


def test_beat_of_deleted_node_closes_its_socket(world):
    world.fleet.nodes.placing.delete(world.machine.id, reach=EVERYWHERE)

    beat(world)

    assert SOCKET in world.socket_client.closed


def test_beat_with_a_long_backlog_reads_one_frame_of_executions(world):
    for _ in range(IDS_PER_FRAME + 5):
        a_command(world)
    world.settle()
    world.socket_client.frames[SOCKET].clear()
    examined = []
    query = world.driver.query

    def counted(asked):
        page = query(asked)
        examined.append(page.count)
        return page

    world.driver.query = counted
    beat(world)

    assert max(examined) == IDS_PER_FRAME
    [(kind, ids)] = told(world)
    assert (kind, len(ids)) == ("executions", IDS_PER_FRAME)


def own_lines(world):
    return [line for line in world.lines.texts if '"worker":"message"' in line]


def test_beat_logs_only_if_there_was_something_to_send(world):
    beat(world)
    assert own_lines(world) == []

    execution(world)
    beat(world)
    assert len(own_lines(world)) == 1


def test_beat_on_unknown_socket_closes_it_and_logs(world):
    world.socket_client.frames["socket-2"] = []
    beat(world, "socket-2")
    assert len(own_lines(world)) == 1
