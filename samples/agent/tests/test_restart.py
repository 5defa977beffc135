import base64
import hashlib
import json
import re
import signal
import socket
import threading
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from samples.agent.tests.support.eventually import eventually

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""


def done(server, execution_id, agent):
    return eventually(lambda: server.final(execution_id), what=agent.stderr)


def test_command_running_when_the_agent_was_killed_is_reported_and_not_run_again(server, agents, tmp_path):
    runs = tmp_path / "runs"
    first = agents.connected()
    execution_id = server.add(f"echo before; echo run >> {runs}; setsid sleep 300; true", wake=True)
    spool = agents.state_dir / "spool" / execution_id
    eventually(lambda: spool.exists() and b"before" in spool.read_bytes(), what="the command's output")
    eventually(lambda: runs.exists() and runs.read_text(), what="the command's trace")
    first.stop(signal.SIGKILL)

    second = agents.connected(key=None)

    item = done(server, execution_id, second)
    assert (item["status"], item["exit_code"]) == ("completed", 125)
    assert item["output"] == "before\nThe agent stopped while this command ran\n"
    assert runs.read_text() == "run\n"
    eventually(lambda: agents.processes() == [second.process.pid], what="the end of what was left")
    second.wait_for("execution.reported")
    eventually(lambda: not spool.exists(), what="the end of the spool")


def test_command_waiting_when_the_agent_was_killed_runs_unless_cancelled(server, agents, tmp_path):
    first = agents.connected("--max-parallel", "1")
    ids = [server.add(text) for text in ("sleep 300", f"echo x >> {tmp_path}/b", f"echo x >> {tmp_path}/c")]
    server.send({"type": "executions", "ids": ids})
    journal = agents.state_dir / "journal.jsonl"
    eventually(lambda: first.logged("execution.started", execution_id=ids[0]), what="the first")
    eventually(lambda: all(each in journal.read_text() for each in ids), what="the others")
    first.stop(signal.SIGKILL)
    server.cancel(ids[2], wake=False)

    second = agents.connected(key=None)

    assert [done(server, each, second)["exit_code"] for each in ids] == [125, 0, 143]
    assert (tmp_path / "b").read_text() == "x\n"
    assert not (tmp_path / "c").exists()


def test_execution_acknowledged_without_a_journal_entry_is_found_in_the_sent_list(server, agents):
    first = agents.connected()
    server.fail("PATCH", "/agents/command_executions/[^/]+/acknowledge", times=2, processed=True)
    server.hide_sent = True
    lost = server.add("echo found", wake=True)
    eventually(lambda: server.executions[lost]["status"] == "sent", what=first.stderr)
    first.stop(signal.SIGKILL)
    server.hide_sent = False

    second = agents.connected(key=None)

    assert done(server, lost, second)["output"] == "found\n"


def test_execution_listed_after_its_result_is_not_run_again(server, agents, tmp_path):
    runs = tmp_path / "runs"
    agent = agents.connected()
    execution_id = server.add(f"echo run >> {runs}", wake=True)
    agent.wait_for("execution.reported")
    server.executions[execution_id]["status"] = "sent"
    agent.stop()
    second = agents.connected(key=None)
    assert done(server, server.add("true", wake=True), second)["exit_code"] == 0
    assert runs.read_text() == "run\n"


@pytest.mark.parametrize("status", [pytest.param("pending", marks=pytest.mark.slow), "sent"])
def test_result_that_the_server_has_forgotten_is_reported_again(server, agents, tmp_path, status):
    """The server's tables were restored to a time before the result, or before the acknowledgement."""
    runs = tmp_path / "runs"
    agent = agents.connected()
    execution_id = server.add(f"echo run >> {runs}; exit 4", wake=True)
    agent.wait_for("execution.reported")
    before = dict(server.executions[execution_id])
    agent.stop()
    _settled_long_ago(agents.state_dir / "journal.jsonl")
    server.executions[execution_id] |= {"status": status, "exit_code": None, "output": None, "completed_at": None}

    second = agents.connected(key=None)

    second.wait_for("execution.forgotten", execution_id=execution_id)
    again = done(server, execution_id, second)
    assert (again["exit_code"], again["completed_at"]) == (4, before["completed_at"])
    assert "gone back to an earlier state" in again["output"]
    assert runs.read_text() == "run\n"


def _settled_long_ago(journal):
    """As if the server had taken each result an hour ago."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for each in lines:
        each["at"] = (datetime.fromisoformat(each["at"]) - timedelta(hours=1)).isoformat(timespec="microseconds")
    journal.write_text("".join(json.dumps(each) + "\n" for each in lines))


@pytest.mark.parametrize("restarted", [False, True], ids=["same-agent", "restarted-agent"])
def test_result_is_kept_over_an_outage_and_a_restart(server, agents, tmp_path, restarted):
    release = tmp_path / "release"
    agent = agents.connected()
    execution_id = server.add(f"while [ ! -e {release} ]; do sleep 0.02; done; echo kept", wake=True)
    agent.wait_for("execution.started")
    server.down = True
    release.touch()
    agent.wait_for("execution.report_delayed")
    if restarted:
        assert agent.stop() == 0
    server.down = False
    if restarted:
        agent = agents.connected(key=None)
    item = done(server, execution_id, agent)
    assert (item["exit_code"], item["output"]) == (0, "kept\n")


def test_result_reported_twice_is_settled(server, agents):
    agent = agents.connected()
    server.fail("PATCH", "/agents/command_executions/[^/]+/result", times=3, processed=True)
    execution_id = server.add("echo once", wake=True)
    agent.wait_for("execution.result_refused", execution_id=execution_id)
    assert server.executions[execution_id]["output"] == "once\n"
    assert '"state": "settled"' in (agents.state_dir / "journal.jsonl").read_text().splitlines()[-1]


def test_result_refused_for_good_is_dropped(server, agents):
    agent = agents.connected()
    for status in (404, 409, 422):
        server.fail("PATCH", "/agents/command_executions/[^/]+/result", status=status)
        execution_id = server.add("true", wake=True)
        agent.wait_for("execution.result_refused", execution_id=execution_id)
        assert len(server.results(execution_id)) == 1
    assert list((agents.state_dir / "spool").iterdir()) == []


def test_result_refused_for_now_is_kept_and_delays_no_other(server, agents):
    agent = agents.connected()
    stuck = {server.add("true"): status for status in (400, 403, 500, 503)}
    for execution_id, status in stuck.items():
        server.fail("PATCH", f"/agents/command_executions/{execution_id}/result", status=status)
    other = server.add("true")
    server.send({"type": "executions", "ids": [*stuck, other]})
    assert [done(server, each, agent)["exit_code"] for each in (other, *stuck)] == [0, 0, 0, 0, 0]
    assert all(agent.logged("execution.report_delayed", execution_id=each) for each in stuck)


def test_silent_server_does_not_delay_a_stop(agents, server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        agent = agents.start(key=None, environment={"ENROLLMENT_KEY": server.key(url)})
        connection, _ = silent.accept()
        with connection:
            # It would wait 20 s for an answer.
            assert agent.stop(within_seconds=15) == 0


def test_result_with_an_unreadable_output_is_retried(server, agents, tmp_path):
    agent = agents.connected()
    server.fail("PATCH", "/agents/command_executions/[^/]+/result", times=1000, status=503)
    execution_id = server.add("echo kept", wake=True)
    agent.wait_for("execution.report_delayed")
    spool = agents.state_dir / "spool" / execution_id
    spool.rename(tmp_path / "aside")
    spool.mkdir()
    server.faults.clear()
    unread = "the output cannot be read"
    eventually(lambda: any(unread in each["reason"] for each in agent.logged("execution.report_delayed")), what="a try")
    spool.rmdir()
    (tmp_path / "aside").rename(spool)
    assert done(server, execution_id, agent)["output"] == "kept\n"


class SilentSockets:
    """Accepts WebSockets, and is silent after the handshake, even when they close."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/agent"
        self.accepted = []
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for each in self.accepted:
            each.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.accepted.append(connection)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)[1]
                proof = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest())
                head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                connection.sendall(head + b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")


def test_silent_socket_does_not_delay_a_stop(server, agents):
    with SilentSockets() as silent:
        server.websocket_url = silent.url
        agent = agents.start()
        agent.wait_for("websocket.connected")
        # The library would wait 10 s.
        assert agent.stop(within_seconds=8) == 0


def test_sigterm_lets_a_short_command_finish(server, agents, tmp_path):
    release = tmp_path / "release"
    agent = agents.connected("--cancel-grace-seconds", "60")
    execution_id = server.add(f"while [ ! -e {release} ]; do sleep 0.02; done; echo finished", wake=True)
    agent.wait_for("execution.started")
    agent.process.send_signal(signal.SIGTERM)
    agent.wait_for("agent.stopping")
    release.touch()
    assert agent.wait() == 0
    assert server.final(execution_id)["output"] == "finished\n"


def test_sigterm_kills_a_long_command_and_the_next_start_reports_it(server, agents):
    agent = agents.connected("--cancel-grace-seconds", "0.2")
    execution_id = server.add("trap '' TERM; echo begun; sleep 300 & sleep 300", wake=True)
    spool = agents.state_dir / "spool" / execution_id
    eventually(lambda: spool.exists() and b"begun" in spool.read_bytes(), what="the command")
    waiting = server.add("true")
    assert agent.stop() == 0
    eventually(lambda: agents.processes() == [], what="the end of the command")
    assert server.final(execution_id) is None

    second = agents.connected(key=None)

    assert done(server, execution_id, second)["exit_code"] == 125
    assert server.executions[execution_id]["output"] == "begun\nThe agent stopped while this command ran\n"
    assert done(server, waiting, second)["exit_code"] == 0
