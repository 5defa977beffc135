"""What answers is not always the server: a proxy's page, a captive portal, a gateway in between. Nothing is given up,
and nothing decided, for the answer of another."""

import asyncio
import random

import pytest
from edge_agent.errors import NetworkError
from edge_agent.event_log import EventLog
from edge_agent.http_client import HttpClient
from edge_agent.identity import IDENTITY_FILE
from edge_agent.intake import POLL_JITTER
from edge_agent.leaving import leave, request_leave
from edge_agent.ports.network import Response
from edge_agent.runtime import new_backoff
from edge_agent.state_directory import StateDirectory
from edge_agent.times import ServerTime

from samples.agent.tests.support.memory_machine import HOUR, STATE, Machine, final, server_without_sockets
from samples.agent.tests.support.memory_ports import MemoryPorts

PAGE = b"<html><body>Forbidden</body></html>"
OF_A_GATEWAY = b'{"message": "Forbidden"}'
OF_A_FRAMEWORK = b'{"error": "Unauthorized", "status": 401}'
OF_ANOTHER_API = b'{"error": {"code": 403, "message": "Forbidden"}}'
OURS = b'{"error": {"code": "not_found", "message": "Resource not found"}, "meta": {}}'


class OneAnswer:
    """A network that answers everything alike."""

    def __init__(self, status, content):
        self._response = Response(status, {"retry-after": "7"}, content)

    async def request(self, *_arguments, **_options):
        return self._response


def answer_of(status, content):
    network = OneAnswer(status, content)
    client = HttpClient(network=network, server_time=ServerTime(MemoryPorts(None).clock), instance_id="i")
    return asyncio.run(client.request("GET", "https://edge.example.com/api/v1/x"))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize("content", [PAGE, b"", OF_A_GATEWAY, OF_A_FRAMEWORK, OF_ANOTHER_API, b'{"data": {}}'])
def test_refusal_without_the_servers_error_is_no_answer(status, content):
    with pytest.raises(NetworkError, match=f"edge.example.com: the answer with status {status} is not the server's"):
        answer_of(status, content)


@pytest.mark.parametrize("content", [PAGE, b"", b'{"error": {"code": "x"}}'])
def test_success_without_data_is_no_answer(content):
    with pytest.raises(NetworkError, match="status 200 is not the server's"):
        answer_of(200, content)


def test_refusal_of_the_server_is_its_answer():
    answer = answer_of(404, OURS)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_delay_that_anything_on_the_way_asks_for_is_kept(status):
    answer = answer_of(status, PAGE)
    assert (answer.status, answer.code, answer.retry_after_seconds) == (status, "", 7.0)


@pytest.fixture
def machine():
    return Machine(server_without_sockets())


@pytest.mark.parametrize("status", [401, 403, 404, 409])
def test_command_with_secrets_is_run_after_an_hour_of_answers_of_another(machine, status):
    server = machine.server
    execution_id = server.add_with_secrets("60 0 kept", PASSWORD="hunter2-hunter2")

    async def scenario(ports):
        while server.executions[execution_id]["status"] == "pending":
            await ports.clock.sleep(0.01)
        ports.network.between = (status, OF_A_GATEWAY)
        await ports.clock.sleep(3600)
        assert server.final(execution_id) is None
        ports.network.between = None
        await final(server, execution_id)(ports)

    machine.run(scenario)
    assert (server.final(execution_id)["exit_code"], server.final(execution_id)["output"]) == (0, "kept")
    assert machine.logged("execution.result_refused") == machine.logged("node.refused") == []
    assert len(server.uses_taken) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_result_is_reported_after_answers_of_another(machine, status):
    server = machine.server
    execution_id = server.add("60 0 kept")

    async def scenario(ports):
        while not ports.processes.started:
            await ports.clock.sleep(1)
        ports.network.between = (status, PAGE)
        await ports.clock.sleep(3600)
        ports.network.between = None
        await final(server, execution_id)(ports)

    machine.run(scenario)
    assert server.final(execution_id)["output"] == "kept"


@pytest.mark.parametrize(("status", "content"), [(401, PAGE), (200, b'{"error": "log in"}'), (200, PAGE)])
def test_machine_that_leaves_keeps_its_state_until_the_server_answers(machine, status, content):
    server = machine.server

    async def enrolled(ports):
        await ports.clock.sleep(10)

    ports = MemoryPorts(server, machine.run(enrolled).disk)
    client = HttpClient(network=ports.network, server_time=ServerTime(ports.clock), instance_id="i")
    log = EventLog(machine.log, ports.clock)

    async def scenario():
        with StateDirectory(STATE, ports.disk) as state:
            request_leave(state, ports.clock)
            ports.network.between = (status, content)
            leaving = asyncio.ensure_future(leave(state, client, lambda: backoff, ports.clock, log))
            await ports.clock.sleep(3600)
            assert state.read(IDENTITY_FILE) is not None
            assert server.tokens
            ports.network.between = None
            await leaving
            assert state.read(IDENTITY_FILE) is None

    backoff = new_backoff(random.Random(1))
    ports.run(scenario())
    assert server.tokens == {}


def test_commands_run_within_two_polls_though_another_refuses_each_socket_with_401(machine):
    server = machine.server

    async def scenario(ports):
        ports.network.refused_sockets = 401
        await ports.clock.sleep(3 * HOUR)
        server.add("1 0 kept")
        await ports.clock.sleep(2 * (1 + POLL_JITTER) * server.poll_seconds)
        assert [item["output"] for item in server.executions.values()] == ["kept"]

    machine.run(scenario)
    assert machine.logged("node.renewed_lately") == []
    assert len([one for one in server.requests if (one.method, one.path) == ("POST", "/agents/nodes")]) == 1
    assert len(machine.logged("websocket.refused")) < 20


def test_socket_is_open_soon_after_a_token_that_was_really_replaced(machine):
    server = machine.server

    async def scenario(ports):
        while not server.connections:
            await ports.clock.sleep(1)
        ports.network.refused_sockets = 401
        server.tokens.clear()
        for connection in list(server.connections):
            connection.close()
        await ports.clock.sleep(30)
        assert server.tokens
        ports.network.refused_sockets = None
        await ports.clock.sleep(60)
        assert server.connections

    machine.run(scenario)
