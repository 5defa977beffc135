import http.client
import json
import socket
import struct
import uuid
from contextlib import suppress

import pytest
from edge_agent.ports.http_server import CONNECTIONS

from samples.agent.tests.support.eventually import PATIENCE_SECONDS, eventually

NODE_ID = str(uuid.UUID(int=7))


@pytest.fixture
def pushed(server, agents):
    agent = agents.connected("--push-port", "0")
    # The polls of the start and of the connection are over: new executions arrive only by push.
    eventually(lambda: len(server.seen("GET", "/agents/command_executions")) >= 3, what=agent.stderr)
    return Pushed(server, agent, agent.wait_for("push.listening")["port"])


class Pushed:
    """The server's side of the push API."""

    def __init__(self, server, agent, port):
        self.server = server
        self.agent = agent
        self.port = port

    def call(self, method, path, body=None, *, token=None, **further_headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {token or self.server.tokens[NODE_ID]}", **further_headers}
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    def is_served(self, path):
        try:
            return self.call("GET", path)[0] == 200
        except ConnectionError:
            return False

    def create(self, execution_id, **changes):
        item = self.server.executions[execution_id]
        names = ("id", "command_id", "command_text", "timeout", "expired_at", "status")
        body = {name: item[name] for name in names} | {"node_id": NODE_ID, **changes}
        return self.call("POST", "/api/v1/command_executions", body)

    def cancel(self, execution_id):
        return self.call("PATCH", f"/api/v1/command_executions/{execution_id}/cancel")


def test_registration_has_the_real_push_port_by_default(server, agents, pushed):
    assert server.seen("POST", "/agents/nodes")[0].body["http_port"] == pushed.port
    pushed.agent.stop()
    agents.connected("--push-port", "0", "--http-port", "8443")
    assert server.seen("POST", "/agents/nodes")[-1].body["http_port"] == 8443


def test_flood_of_broken_connections_is_survived(pushed):
    address = ("127.0.0.1", pushed.port)
    silent = [socket.create_connection(address, timeout=PATIENCE_SECONDS) for _ in range(CONNECTIONS)]
    try:
        with socket.create_connection(address, timeout=PATIENCE_SECONDS) as one_too_many:
            assert one_too_many.recv(1) == b""
    finally:
        for each in silent:
            # A reset, as by a client that crashes.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.sendall(b"GET")
            each.close()
    eventually(lambda: pushed.is_served("/health"), what=pushed.agent.stderr)
    pushed.agent.wait_for("http.failed")
    assert [line for line in pushed.agent.stderr.splitlines() if not line.startswith("{")] == []


def test_pushed_execution_runs_without_an_acknowledgement(server, pushed):
    execution_id = server.add("echo pushed")
    status, answer = pushed.create(execution_id)
    assert status == 201
    assert (answer["data"]["id"], answer["data"]["status"]) == (execution_id, "pending")
    assert "timestamp" in answer["meta"]
    item = eventually(lambda: server.final(execution_id), what=pushed.agent.stderr)
    assert item["output"] == "pushed\n"
    assert server.seen("PATCH", f"/agents/command_executions/{execution_id}/acknowledge") == []


def test_repeated_push_is_refused(server, pushed):
    execution_id = server.add("true")
    pushed.create(execution_id)
    eventually(lambda: server.final(execution_id), what=pushed.agent.stderr)
    status, answer = pushed.create(execution_id)
    assert (status, answer["error"]["code"]) == (422, "validation_failed")
    assert answer["error"]["details"] == {"id": ["has already been taken"]}
    assert len(pushed.agent.logged("execution.started")) == 1


def test_push_of_an_invalid_or_foreign_execution_is_refused(server, pushed):
    execution_id = server.add("true", status="cancelled")
    for changes in (
        {"node_id": str(uuid.uuid4())},
        {"id": "../escape"},
        {"id": None},
        {"timeout": "long"},
        {"expired_at": "soon"},
    ):
        status, answer = pushed.create(execution_id, **changes)
        assert (status, answer["error"]["code"]) == (422, "validation_failed"), changes
    assert not pushed.agent.logged("execution.pushed")


def test_push_and_cancel_without_the_nodes_token_are_unauthorized(server, pushed):
    path = "/api/v1/command_executions"
    for method, where in (("POST", path), ("PATCH", f"{path}/{uuid.uuid4()}/cancel")):
        status, answer = pushed.call(method, where, {}, token="another")
        assert (status, answer["error"]["code"]) == (401, "unauthorized")


def test_invalid_requests_are_answered_with_the_envelope(pushed):
    for method, path, body, expected in (
        ("POST", "/api/v1/command_executions", b"no json", 400),
        ("POST", "/api/v1/command_executions", [], 400),
        ("POST", "/elsewhere", {}, 404),
        ("GET", "/elsewhere", None, 404),
        ("PATCH", "/api/v1/command_executions/nothing/cancel", None, 404),
    ):
        status, answer = pushed.call(method, path, body)
        assert status == expected, (method, path)
        assert set(answer["error"]) == {"code", "message"}
    size = str(1024 * 1024 + 1)
    status, _ = pushed.call("POST", "/api/v1/command_executions", b"", **{"content-length": size})
    assert status == 413


def test_cancel_returns_the_state_of_the_execution(server, pushed):
    running, ended = server.add("sleep 300"), server.add("true")
    expired = server.add("true", expired_at="2020-01-01T00:00:00Z")
    for execution_id in (running, ended, expired):
        pushed.create(execution_id)
    pushed.agent.wait_for("execution.started", execution_id=running)
    for execution_id in (ended, expired):
        eventually(lambda wanted=execution_id: server.final(wanted), what=pushed.agent.stderr)
    answers = [pushed.cancel(each) for each in (running, ended, expired, str(uuid.uuid4()))]
    assert [status for status, _ in answers] == [200, 200, 200, 404]
    actions = [answer["data"]["action"] for _, answer in answers[:3]]
    assert actions == ["cancelled", "already_completed", "already_expired"]
    assert eventually(lambda: server.final(running), what=pushed.agent.stderr)["exit_code"] == 143


def test_health_without_a_token_is_answered(pushed):
    status, answer = pushed.call("GET", "/health", token="none")
    assert status == 200
    assert [check["status"] for check in answer["data"]] == ["healthy"] * 3


def test_agent_without_options_listens_on_no_port(agents):
    agent = agents.connected()
    for event in ("push.listening", "ssh.listening", "metrics.listening"):
        assert not agent.logged(event)


def test_push_port_in_use_is_retried(server, agents):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        agent = agents.connected("--push-port", str(port))
        agent.wait_for("task.failed", task="push")
        assert server.seen("POST", "/agents/nodes")[0].body["http_port"] == port
    agent.wait_for("push.listening", port=port)


def test_slow_clients_lose_their_connections(server, agents, tmp_path):
    (tmp_path / "constants.json").write_text(json.dumps({"edge_agent.ports.http_server.REQUEST_SECONDS": 1.0}))
    agent = agents.connected("--push-port", "0", odd_machine=tmp_path)
    pushed = Pushed(server, agent, agent.wait_for("push.listening")["port"])
    clients = [socket.create_connection(("127.0.0.1", pushed.port)) for _ in range(CONNECTIONS)]
    try:
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\n")

        def is_served():
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"x: y\r\n")
            return pushed.is_served("/health")

        eventually(is_served, what="a place")
    finally:
        for client in clients:
            client.close()


def test_push_on_a_full_disk_is_refused_and_can_be_repeated(server, agents, tmp_path):
    agent = agents.connected("--push-port", "0", odd_machine=tmp_path)
    pushed = Pushed(server, agent, agent.wait_for("push.listening")["port"])
    execution_id = server.add("echo later", shown_as="nowhere")
    (tmp_path / "disk_full").touch()
    assert pushed.create(execution_id)[0] == 503
    assert pushed.call("GET", "/health")[0] == 503
    (tmp_path / "disk_full").unlink()
    assert pushed.create(execution_id)[0] == 201
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "later\n"
    assert pushed.call("GET", "/health")[0] == 200
