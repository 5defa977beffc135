import json
import signal
import stat
import threading
import uuid
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from edge_agent import __version__

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.stub_server import BLOCKED, REMOVED

NODE_ID = str(uuid.UUID(int=7))


def test_enrolled_machine_reregisters_at_every_start(server, agents):
    agents.connected().stop()
    first_token = server.tokens[NODE_ID]

    second = agents.connected(key=None)
    second.wait_for("agent.reregistered")

    assert len(server.seen("POST", "/agents/enrollment_keys/verify")) == 1
    registrations = server.seen("POST", "/agents/nodes")
    assert [request.token for request in registrations] == [None, first_token]
    assert registrations[0].body["registration_token"].startswith("registration-")
    assert "registration_token" not in registrations[1].body
    assert registrations[1].body["network_name"] == "cluster-north"


def test_registration_has_every_field_of_the_contract(server, agents):
    agents.connected("--http-port", "44001", "--wireguard-metrics-port", "2222")
    body = server.seen("POST", "/agents/nodes")[0].body
    body.pop("registration_token")
    assert set(body.pop("facts")) >= {"hostname", "architecture", "kernel"}
    assert body == {
        "node_id": NODE_ID,
        "labels": {},
        "features": ["diagnostics", "environment", "large_output", "tail", "work"],
        "network_name": "cluster-north",
        "id_type": "persistent",
        "http_port": 44001,
        "ssh_port": 40022,
        "host_metrics_port": 49100,
        "wireguard_metrics_port": 2222,
        "http_proxy_port": 43128,
        "socks5_proxy_port": 41080,
        "version": __version__,
        "self_update_enabled": False,
    }


def test_labels_of_arguments_go_before_those_of_the_environment(server, agents):
    agents.connected("--label", "env=prod", "--label", "role=till", environment={"EDGE_LABELS": "env=test,site=kiel"})

    body = server.seen("POST", "/agents/nodes")[0].body
    assert body["labels"] == {"env": "prod", "role": "till", "site": "kiel"}


@pytest.mark.parametrize("way", ["environment", "file", "stdin"])
def test_key_from_any_source_is_used_and_not_exposed(server, agents, tmp_path, way):
    key_file = tmp_path / "key"
    key_file.write_text(server.key() + "\n")
    options = {
        "environment": {"arguments": (), "key": "environment"},
        "file": {"arguments": ("--enrollment-key-file", str(key_file)), "key": None},
        "stdin": {"arguments": ("--enrollment-key-file", "-"), "key": None, "stdin_text": server.key() + "\n"},
    }[way]
    agent = agents.connected(*options.pop("arguments"), **options)
    execution_id = server.add("env", wake=True)

    item = eventually(lambda: server.final(execution_id), what="the command")

    assert "EDGE_TEST_MARK" in item["output"]
    assert server.key() not in item["output"]
    assert server.key() not in " ".join(agent.arguments)
    agent.stop()
    for secret in (server.key(), server.tokens[NODE_ID], "registration-", "proxy-secret", "EDGE_TEST_MARK"):
        assert secret not in agent.stderr


def test_state_files_are_private(server, agents):
    agents.state_dir.mkdir(mode=0o755)
    agents.connected()
    execution_id = server.add("echo x; while [ ! -e release ]; do sleep 0.02; done", wake=True)
    spooled = agents.state_dir / "spool" / execution_id
    eventually(spooled.exists, what="the spool")

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [agents.state_dir, *agents.state_dir.rglob("*")]}

    server.cancel(execution_id)
    assert {path.name for path in modes} >= {"identity.json", "node.json", "journal.jsonl", "lock", execution_id}
    for path, mode in modes.items():
        assert mode == (0o700 if path.is_dir() else 0o600), path
    eventually(lambda: server.final(execution_id), what="the cancellation")


@pytest.mark.parametrize("path", ["/agents/enrollment_keys/verify", "/agents/nodes"])
@pytest.mark.parametrize("processed", [True, False], ids=["answer-lost", "request-lost"])
def test_enrolment_with_a_lost_answer_is_repeated(server, agents, path, processed):
    server.fail("POST", path, times=3, processed=processed)
    agent = agents.connected()
    assert agent.logged("enrollment.waiting")
    assert server.uses_taken == [NODE_ID]
    registered = {request.body["registration_token"] for request in server.seen("POST", "/agents/nodes")}
    assert len(registered) == 1


def test_reregistration_with_a_lost_answer_is_repeated_with_the_old_token(server, agents):
    agents.connected().stop()
    token = server.tokens[NODE_ID]
    server.fail("POST", "/agents/nodes", times=3, processed=True)
    agents.connected(key=None).wait_for("agent.reregistered")
    assert [request.token for request in server.seen("POST", "/agents/nodes")[1:]] == [token] * 4


def test_unreachable_server_is_skipped(server, agents):
    server.fail("POST", "/agents/enrollment_keys/verify", status=503)
    key = server.key("http://127.0.0.1:1", server.url, server.url)
    agent = agents.connected(key=None, environment={"ENROLLMENT_KEY": key})
    assert not agent.logged("enrollment.waiting")
    assert len(server.seen("POST", "/agents/enrollment_keys/verify")) == 2


def test_registration_without_addresses_keeps_the_one_that_answered(server, agents):
    server.named_urls = []
    agent = agents.connected()
    execution_id = server.add("echo here", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "here\n"


def test_address_that_answered_is_kept_until_one_that_the_server_names_answers(server, agents):
    unreachable = "http://127.0.0.1:1"
    server.named_urls = [unreachable]
    for key in ("environment", None):
        agents.connected(key=key).stop()
        assert addresses(agents) == [unreachable, server.url]
    server.named_urls = [server.url]

    agent = agents.connected(key=None)
    agent.wait_for("agent.reregistered")
    execution_id = server.add("echo here", wake=True)

    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "here\n"
    assert addresses(agents) == [server.url]


def test_machine_that_restarted_since_the_tables_second_is_its_node_again(server, agents):
    agents.connected().stop()
    restored = server.tokens[NODE_ID]
    for _ in range(2):
        agents.connected(key=None).stop()
    server.tokens[NODE_ID] = restored
    server.previous_tokens.clear()
    server.key_error = "key_spent"

    agent = agents.connected(key=None)
    agent.wait_for("agent.reregistered")
    execution_id = server.add("echo here", wake=True)

    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "here\n"
    assert agent.logged("node.refused") == []
    assert restored not in agent.stderr


def addresses(agents):
    return json.loads((agents.state_dir / "identity.json").read_text())["admin_urls"]


class _Endless(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        with suppress(ConnectionError):
            while True:
                self.wfile.write(b"x" * 1024 * 1024)

    def log_message(self, *_):
        """Quiet."""


def test_answer_without_end_is_given_up(server, agents):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endless) as endless:
        serving = threading.Thread(target=endless.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            key = server.key(f"http://127.0.0.1:{endless.server_address[1]}", server.url)
            agents.connected(key=None, environment={"ENROLLMENT_KEY": key})
        finally:
            endless.shutdown()
            serving.join()
    assert server.uses_taken == [NODE_ID]


def test_retry_after_of_the_server_is_respected(server, agents):
    server.fail("POST", "/agents/enrollment_keys/verify", status=429, headers={"retry-after": "1"})
    agent = agents.connected()
    assert agent.logged("enrollment.waiting")[0]["seconds"] == 1.0


@pytest.mark.parametrize("reason", ["key_spent", "key_expired", "node_limit_reached", "node_removed", "invalid_key"])
def test_refused_key_is_retried_until_an_operator_has_acted(server, agents, reason):
    server.key_error = reason
    agent = agents.start()
    eventually(lambda: len(agent.logged("node.refused")) >= 2, what="a further try")
    assert all(reason in entry["reason"] for entry in agent.logged("node.refused"))
    server.key_error = ""
    agent.wait_for("agent.enrolled")


def test_refused_registration_is_repeated_and_logged(server, agents):
    server.fail("POST", "/agents/nodes", status=422)
    agent = agents.connected()
    assert "status 422: Fault" in agent.logged("node.refused")[0]["reason"]


def test_replaced_key_file_is_read_again(server, agents, tmp_path):
    key_file = tmp_path / "key"
    server.key_error = "key_expired"
    key_file.write_text(server.key())
    agent = agents.start("--enrollment-key-file", str(key_file), key=None)
    agent.wait_for("node.refused")
    server.key_error = ""
    key_file.write_text("\ufeff" + server.key() + "\r\n", encoding="utf-8")
    agent.wait_for("agent.enrolled")


@pytest.mark.parametrize("key", ["", "no base64!", "e30="])
def test_unknown_machine_without_a_usable_key_ends_with_a_message(agents, key):
    agent = agents.start(key=None, environment={"ENROLLMENT_KEY": key})
    assert agent.wait() == 2
    assert "enrollment key" in agent.logged("agent.failed")[0]["reason"]


def test_refused_token_without_a_key_is_retried(server, agents):
    agents.connected().stop()
    token = server.tokens.pop(NODE_ID)
    server.previous_tokens.clear()
    agent = agents.start(key=None)
    assert "no enrollment key" in agent.wait_for("node.refused")["reason"]
    asked = len(server.requests)
    agent.wait_for("node.refused")
    assert {request.path for request in server.requests[asked:]} <= {"/agents/nodes"}
    # As an operator does who admits the node again.
    server.tokens[NODE_ID] = token
    execution_id = server.add("echo back")
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "back\n"


@pytest.mark.parametrize("told", [REMOVED, BLOCKED])
def test_removed_or_blocked_node_waits_and_comes_back(server, agents, told):
    server.poll_seconds = 0.2
    agent = agents.connected()
    server.removed = told
    server.disconnect()
    assert told[1] in agent.wait_for("node.refused")["reason"]
    server.removed = None
    execution_id = server.add("echo back")
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "back\n"


def test_token_refused_while_running_is_replaced_with_the_key(server, agents):
    server.poll_seconds = 0.2
    agent = agents.connected()
    server.tokens.clear()
    server.previous_tokens.clear()
    server.disconnect()

    execution_id = server.add("echo back")

    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "back\n"
    assert agent.logged("agent.token_refused")
    assert server.seen("POST", "/agents/nodes")[-1].body["node_id"] == NODE_ID


def test_node_taken_over_by_another_machine_enrols_with_its_key(server, agents):
    server.poll_seconds = 0.2
    agent = agents.connected()
    server.tokens[NODE_ID] = "token-of-another-machine"
    server.previous_tokens.clear()
    server.disconnect()

    agent.wait_for("agent.token_refused")
    eventually(lambda: len(agent.logged("agent.enrolled")) == 2, what=agent.stderr)

    assert server.tokens[NODE_ID] != "token-of-another-machine"
    assert server.seen("POST", "/agents/enrollment_keys/verify")[1:]


def test_machine_id_is_the_default_node_id(server, agents, tmp_path):
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("3d1219c7c4c5404aaa1f6d2a48adfda4\n")
    agents.connected("--machine-id-file", str(machine_id))
    body = server.seen("POST", "/agents/nodes")[0].body
    assert (body["node_id"], body["id_type"]) == ("3d1219c7-c4c5-404a-aa1f-6d2a48adfda4", "persistent")


def test_node_id_of_the_environment_is_registered_and_not_inherited_by_commands(server, agents, tmp_path):
    chosen = str(uuid.uuid4())
    agent = agents.connected("--machine-id-file", str(tmp_path / "none"), environment={"EDGE_NODE_ID": chosen.upper()})
    body = server.seen("POST", "/agents/nodes")[0].body
    assert (body["node_id"], body["id_type"]) == (chosen, "persistent")
    execution_id = server.add("echo id=$EDGE_NODE_ID", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "id=\n"


def test_node_id_of_the_environment_that_is_no_uuid_is_refused(agents, tmp_path):
    agent = agents.start("--machine-id-file", str(tmp_path / "none"), environment={"EDGE_NODE_ID": "web-1"})
    assert agent.wait() == 2
    assert "EDGE_NODE_ID" in agent.logged("agent.failed")[0]["reason"]


def test_random_id_survives_a_failed_enrolment(server, agents):
    server.fail("POST", "/agents/nodes", status=422, times=99)
    first = agents.start("--random-id")
    first.wait_for("node.refused")
    first.stop(signal.SIGKILL)
    server.faults.clear()
    agents.connected("--random-id")
    bodies = [request.body for request in server.seen("POST", "/agents/nodes")]
    assert bodies[0]["node_id"] == bodies[1]["node_id"]
    assert bodies[0]["id_type"] == "random"


def test_state_directory_in_use_or_of_another_node_is_refused(agents):
    agents.connected()
    second = agents.start()
    assert second.wait() == 2
    assert "another agent" in second.logged("agent.failed")[0]["reason"]
    agents.started[0].stop()
    third = agents.start("--node-id", str(uuid.uuid4()))
    assert third.wait() == 2
    assert NODE_ID in third.logged("agent.failed")[0]["reason"]


def test_agent_waiting_for_its_server_can_be_stopped(server, agents):
    server.down = True
    agent = agents.start()
    agent.wait_for("enrollment.waiting")
    assert agent.stop() == 0
