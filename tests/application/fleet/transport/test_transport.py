"""Wake-up, push, or nothing: in that order, and losing any of them loses nothing."""

import json
from collections.abc import Mapping
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.nodes.store import PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.transport.dispatch import IDS_PER_FRAME
from chalicelib.fleet.transport.frames import Delivery
from chalicelib.fleet.transport.push import TIMEOUT_SECONDS, Push, PushAddress
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.fleet.transport.service import Transport
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.outbound import Answer, NoAnswerError, Reason
from chalicelib.kit.sockets import SocketError, Sockets
from tests.application.fleet.commands.fleet import an_execution
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World


class Agents:
    """The far end answers with these statuses in turn; None refuses the connection."""

    def __init__(self, *statuses: int | None) -> None:
        self._statuses = list(statuses)
        self.requests: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        sent = {"headers": headers, "json": None if body is None else json.loads(body)}
        self.requests.append((method, url, sent))
        status = self._statuses.pop(0)
        if status is None:
            raise NoAnswerError(Reason.UNREACHABLE, may_have_arrived=False)
        return Answer(status)


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


def connect(world, machine, connection_id="socket-1", at=1):
    world.socket_client.frames[connection_id] = []
    world.fleet.nodes.connections.connected(machine.token, connection_id, at)


def hinted(world, made, machine):
    """The ids of new executions of a command, of which their agents were told ahead of the stream."""
    created = [an_execution(made, machine.id, status=Status.PENDING)]
    transport(world).hint(made, created)
    return [row.id for row in created]


def pending(world, machine):
    return world.fleet.commands.executions.waiting_for(machine.id, 1000).pending


def transport(world, agents=None):
    services = world.fleet
    return Transport(
        services.nodes,
        services.commands.executions,
        Sockets(world.socket_client),
        world.log,
        push=None if agents is None else Push(agents),
        push_host="127.0.0.1",
        vpn_domain="nm.internal",
    )


class TestWakeUp:
    def test_connected_node_gets_one_frame_with_all_ids(self, world):
        (machine,) = machines(world, 1)
        connect(world, machine)
        gone = transport(world).deliver([Delivery(machine.id, "executions", ["e-1", "e-2"])])
        assert gone == []
        assert world.socket_client.frames["socket-1"] == [{"type": "executions", "ids": ["e-1", "e-2"]}]

    def test_wake_up_of_many_ids_is_split_into_frames(self, world):
        (machine,) = machines(world, 1)
        connect(world, machine)
        ids = [f"{place:036d}" for place in range(IDS_PER_FRAME + 1)]
        transport(world).deliver([Delivery(machine.id, "executions", ids)])
        assert [len(frame["ids"]) for frame in world.socket_client.frames["socket-1"]] == [IDS_PER_FRAME, 1]

    def test_closed_socket_is_removed_from_presence(self, world):
        (machine,) = machines(world, 1)
        connect(world, machine)
        del world.socket_client.frames["socket-1"]
        transport(world).deliver([Delivery(machine.id, "executions", ["e-1"])])
        (presence,) = world.driver.rows(PRESENCE)
        assert presence.get("connection_id") is None

    def test_socket_still_opening_is_not_removed_from_presence(self, world):
        """API Gateway answers 410 until the handshake is done, which begins with our note of the socket."""
        (machine,) = machines(world, 1)
        opened_at = int(world.clock.now().timestamp() * 1000)
        world.fleet.nodes.connections.connected(machine.token, "socket-1", opened_at)
        world.clock.advance(29)
        transport(world).deliver([Delivery(machine.id, "executions", ["e-1"])])
        assert world.driver.rows(PRESENCE)[0]["connection_id"] == "socket-1"
        world.clock.advance(1)
        transport(world).deliver([Delivery(machine.id, "executions", ["e-1"])])
        assert "connection_id" not in world.driver.rows(PRESENCE)[0]

    def test_newer_socket_survives_removal_of_an_older_one(self, world):
        (machine,) = machines(world, 1)
        connect(world, machine)
        del world.socket_client.frames["socket-1"]
        presences = world.fleet.nodes.reading.presence_of([machine.id])
        connect(world, machine, "socket-2", at=2)
        assert presences[machine.id].connection_id == "socket-1"
        world.fleet.nodes.connections.mark_stale(presences[machine.id])
        (presence,) = world.driver.rows(PRESENCE)
        assert presence["connection_id"] == "socket-2"

    def test_many_connected_nodes_are_all_woken(self, world):
        fleet = machines(world, 20)
        for place, machine in enumerate(fleet):
            connect(world, machine, f"socket-{place}")
        transport(world).deliver([Delivery(machine.id, "cancel", ["e"]) for machine in fleet])
        assert all(frames == [{"type": "cancel", "ids": ["e"]}] for frames in world.socket_client.frames.values())

    def test_node_without_a_socket_gets_no_frame(self, world):
        (machine,) = machines(world, 1)
        assert transport(world).deliver([Delivery(machine.id, "executions", ["e-1"])]) == []
        assert world.socket_client.frames == {}

    def test_delivery_to_unknown_node_is_reported_as_gone(self, world):
        assert transport(world).deliver([Delivery("nobody", "executions", ["e-1"])]) == ["nobody"]

    def test_delivery_to_unknown_node_queues_its_clean_up(self, world):
        body = {"deliveries": [{"node_id": "nobody", "kind": "executions", "execution_ids": ["e-1"]}]}
        world.queue_client.sent.clear()
        world.platform.queues.send(COMMAND_DELIVERY, [body])
        world.settle()
        handled = [line for line in world.lines.texts if '"clean_up"' in line]
        assert len(handled) == 1  # all steps of a node's clean-up

    def test_delivery_with_a_failing_gateway_raises_for_redelivery(self, world):
        (machine,) = machines(world, 1)
        connect(world, machine)
        world.socket_client.fails_with = "LimitExceededException"
        with pytest.raises(SocketError):
            transport(world).deliver([Delivery(machine.id, "executions", ["e-1"])])


class TestHint:
    def test_hint_sends_a_frame_to_a_connected_node(self, world):
        (machine,) = machines(world, 1)
        connect(world, machine)
        made = a_command(world)
        (row_id,) = hinted(world, made, machine)
        assert world.socket_client.frames["socket-1"] == [{"type": "executions", "ids": [row_id]}]

    def test_hint_logs_socket_and_table_errors_without_raising(self, world):
        (machine,) = machines(world, 1)
        connect(world, machine)
        made = a_command(world)
        world.socket_client.fails_with = "LimitExceededException"
        hinted(world, made, machine)
        world.driver.fail_next(10_000, "throttle")
        hinted(world, made, machine)
        assert sum('"hint_lost"' in line for line in world.lines.texts) == 2


class TestPush:
    def work(self, world, count=1):
        (machine,) = machines(world, 1)
        for _ in range(count):
            a_command(world, timeout=5000)
        world.settle()
        return machine, pending(world, machine)

    def test_push_sends_the_execution_and_marks_it_as_sent(self, world):
        machine, ids = self.work(world)
        agents = Agents(201)
        transport(world, agents).deliver([Delivery(machine.id, "executions", ids)])
        ((method, url, options),) = agents.requests
        assert (method, url) == ("POST", "http://127.0.0.1:44000/api/v1/command_executions")
        assert options["json"]["command_text"] == "true"
        assert options["json"]["timeout"] == 5000
        assert options["json"]["status"] == "pending"
        assert options["headers"]["authorization"] == f"Bearer {machine.token}"
        assert world.fleet.commands.executions.get(ids[0], reach=EVERYWHERE).execution.status is Status.SENT

    def test_push_of_a_duplicate_marks_it_as_sent(self, world):
        machine, ids = self.work(world)
        transport(world, Agents(422)).deliver([Delivery(machine.id, "executions", ids)])
        assert world.fleet.commands.executions.get(ids[0], reach=EVERYWHERE).execution.status is Status.SENT

    @pytest.mark.parametrize("status", [None, 302, 401, 500])
    def test_failed_push_leaves_executions_pending_and_ends_the_round(self, world, status):
        machine, ids = self.work(world, 2)
        agents = Agents(status)
        transport(world, agents).deliver([Delivery(machine.id, "executions", ids)])
        assert len(agents.requests) == 1
        assert pending(world, machine) == ids

    def test_cancelled_execution_is_not_pushed(self, world):
        machine, ids = self.work(world)
        world.fleet.commands.executions.cancel(ids[0], reach=EVERYWHERE)
        agents = Agents()
        transport(world, agents).deliver([Delivery(machine.id, "executions", ids)])
        assert agents.requests == []

    def test_result_reported_before_the_sent_mark_is_kept(self, world):
        machine, ids = self.work(world)
        services = world.fleet

        class Quick(Agents):
            def send(self, method, url, headers, body=None):
                services.commands.executions.report(machine.id, ids[0], Report(is_expired=False, exit_code=0))
                return super().send(method, url, headers, body)

        transport(world, Quick(201)).deliver([Delivery(machine.id, "executions", ids)])
        assert services.commands.executions.get(ids[0], reach=EVERYWHERE).execution.status is Status.COMPLETED

    def test_execution_cancelled_during_its_push_is_cancelled_on_the_agent(self, world):
        machine, ids = self.work(world)
        services = world.fleet

        class Slow(Agents):
            def send(self, method, url, headers, body=None):
                if method == "POST":
                    services.commands.executions.cancel(ids[0], reach=EVERYWHERE)
                return super().send(method, url, headers, body)

        agents = Slow(201, 200)
        transport(world, agents).deliver([Delivery(machine.id, "executions", ids)])
        assert [method for method, _, _ in agents.requests] == ["POST", "PATCH"]
        assert agents.requests[1][1].endswith(f"/api/v1/command_executions/{ids[0]}/cancel")
        assert services.commands.executions.get(ids[0], reach=EVERYWHERE).execution.status is Status.CANCELLED

    def test_execution_past_its_deadline_is_not_pushed(self, world):
        (machine,) = machines(world, 1)
        a_command(world, expired_at=world.clock.now() + timedelta(seconds=60))
        world.settle()
        world.clock.advance(60)
        agents = Agents()
        transport(world, agents).deliver([Delivery(machine.id, "executions", pending(world, machine))])
        assert agents.requests == []

    def test_silent_agents_are_pushed_to_in_parallel(self, world):
        fleet = machines(world, 20)
        a_command(world)
        world.settle()
        all_asked = Barrier(len(fleet), timeout=10)

        class Silent(Agents):
            def send(self, method, url, headers, body=None):
                all_asked.wait()
                return super().send(method, url, headers, body)

        agents = Silent(*[None] * len(fleet))
        deliveries = [Delivery(machine.id, "executions", pending(world, machine)) for machine in fleet]
        transport(world, agents).deliver(deliveries)
        assert len(agents.requests) == len(fleet)

    def test_sent_mark_carries_the_request_id(self, world):
        machine, ids = self.work(world)
        with working_for(Origin(request_id="r-1")):
            transport(world, Agents(201)).deliver([Delivery(machine.id, "executions", ids)])
        assert world.driver.row(EXECUTIONS, {"id": ids[0]})["changed_by"]["request_id"] == "r-1"

    def test_push_timeout_fits_ten_messages_into_a_worker(self):
        assert TIMEOUT_SECONDS * 10 <= 20, "ten messages have a worker's 30 s"

    def test_push_of_a_cancel_calls_the_agents_cancel_endpoint(self, world):
        machine, ids = self.work(world)
        agents = Agents(200)
        transport(world, agents).deliver([Delivery(machine.id, "cancel", ids)])
        assert agents.requests[0][:2] == ("PATCH", f"http://127.0.0.1:44000/api/v1/command_executions/{ids[0]}/cancel")

    def test_connected_node_is_not_pushed_to(self, world):
        machine, ids = self.work(world)
        connect(world, machine)
        agents = Agents()
        transport(world, agents).deliver([Delivery(machine.id, "executions", ids)])
        assert agents.requests == []

    def test_push_address_does_not_print_its_token(self):
        assert "secret" not in repr(PushAddress("http://h:1", "secret"))


def test_transport_close_of_a_closed_socket_is_no_error(world):
    (machine,) = machines(world, 1)
    connect(world, machine)
    transport(world).close("socket-1")
    assert world.socket_client.closed == ["socket-1"]
    transport(world).close("socket-1")
