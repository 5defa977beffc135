import asyncio
import http.client
import json
import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from edge_agent.backoff import Backoff
from edge_agent.event_log import EventLog
from edge_agent.ports.disk import SystemDisk
from edge_agent.ports.threads import SystemThreads
from edge_agent.self_update import SelfUpdater
from edge_agent.state_directory import StateDirectory
from edge_agent.update_api import UpdateRequest

from samples.agent.tests.support.eventually import PATIENCE_SECONDS, eventually
from samples.agent.tests.support.set_clock import SetClock
from samples.agent.tests.support.stub_server import now

CHECK = "/agents/self_updates/check"
NODE_ID = str(uuid.UUID(int=7))


def request(server, at, *, wake=True):
    server.self_update = {"including_me": True, "inserted_at": at}
    if wake:
        server.send({"type": "self_update"})


def trigger(port, token):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/api/v1/self_updates/trigger", b"", {"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def test_update_request_announced_repeatedly_is_acted_on_once(server, agents, tmp_path):
    runs = tmp_path / "runs"
    arguments = ("--push-port", "0", "--self-update-command", f"echo $EDGE_SELF_UPDATE_REQUESTED_AT >> {runs}; exit 3")
    agent = agents.connected(*arguments)
    assert server.seen("POST", "/agents/nodes")[0].body["self_update_enabled"] is True
    eventually(lambda: server.seen("GET", CHECK), what="the first question")
    first = now()
    server.fail("GET", CHECK, status=503)
    request(server, first)
    agent.wait_for("self_update.check_failed")
    agent.wait_for("self_update.ended", exit_code=3)
    port, token = agent.wait_for("push.listening")["port"], server.tokens[NODE_ID]
    before = len(server.seen("GET", CHECK))
    assert trigger(port, token)[0] == 202
    eventually(lambda: len(server.seen("GET", CHECK)) > before, what="the question after the push")
    assert trigger(port, "another")[0] == 401
    agent.stop()

    again = agents.connected(*arguments, key=None)
    eventually(lambda: len(server.seen("GET", CHECK)) > before + 1, what="the question after the start")
    second = (datetime.fromisoformat(first) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    request(server, second, wake=False)
    assert trigger(again.wait_for("push.listening")["port"], server.tokens[NODE_ID])[0] == 202
    again.wait_for("self_update.ended")
    assert runs.read_text().split() == [first, second]


def test_update_request_during_an_update_waits(server, agents, tmp_path):
    runs, release = tmp_path / "runs", tmp_path / "release"
    command = f"echo begun >> {runs}; while [ ! -e {release} ]; do sleep 0.02; done; echo ended >> {runs}"
    agent = agents.connected("--self-update-command", command)
    eventually(lambda: server.seen("GET", CHECK), what="the first question")
    first = now()
    request(server, first)
    agent.wait_for("self_update.started")
    asked = len(server.seen("GET", CHECK))
    second = (datetime.fromisoformat(first) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    request(server, second)
    # The agent handles frames in order: when it has reported this command, it has handled the frame before it.
    execution_id = server.add("true", wake=True)
    eventually(lambda: server.final(execution_id), what=agent.stderr)
    assert len(server.seen("GET", CHECK)) == asked
    release.touch()
    eventually(lambda: len(agent.logged("self_update.ended")) == 2, what=agent.stderr)
    assert runs.read_text().split() == ["begun", "ended"] * 2


def test_update_request_older_than_the_enrolment_is_ignored(server, agents, tmp_path):
    old = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    request(server, old, wake=False)
    agent = agents.connected("--self-update-command", f"touch {tmp_path}/updated")
    eventually(lambda: server.seen("GET", CHECK), what="the first question")
    request(server, old)
    eventually(lambda: len(server.seen("GET", CHECK)) == 2, what="the second question")
    server.self_update = {"including_me": True, "inserted_at": "sometime"}
    server.send({"type": "self_update"})
    agent.wait_for("self_update.check_failed")
    assert not agent.logged("self_update.started")
    assert not (tmp_path / "updated").exists()


def test_update_command_may_stop_the_agent_and_survives_it(server, agents, tmp_path):
    proof = tmp_path / "proof"
    command = f"kill -TERM $PPID; while kill -0 $PPID 2>/dev/null; do sleep 0.02; done; echo done; echo x > {proof}"
    agent = agents.connected("--self-update-command", command)
    request(server, now())
    assert agent.wait() == 0
    eventually(
        lambda: proof.exists() and proof.read_text() == "x\n", what="what the command does after the agent's end"
    )
    output = agents.state_dir / "self_update.log"
    assert (output.read_text(), output.stat().st_mode & 0o777) == ("done\n", 0o600)
    eventually(lambda: agents.processes() == [], what="the end of the command")


def test_update_request_without_an_update_option_is_refused(server, agents):
    agent = agents.connected("--push-port", "0")
    assert server.seen("POST", "/agents/nodes")[0].body["self_update_enabled"] is False
    request(server, now())
    status, answer = trigger(agent.wait_for("push.listening")["port"], server.tokens[NODE_ID])
    assert (status, answer["error"]["code"]) == (403, "forbidden")
    execution_id = server.add("true", wake=True)
    eventually(lambda: server.final(execution_id), what=agent.stderr)
    assert server.seen("GET", CHECK) == []


class OneRequest:
    async def newest(self):
        return UpdateRequest(datetime(2026, 5, 1, tzinfo=UTC))


class Touch:
    """A way to update that leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    async def idle(self):
        pass

    async def act(self, request):
        self.mark.touch()


class FullDisk(SystemDisk):
    def write(self, path, content):
        raise OSError(28, "No space left on device")


def test_update_request_that_cannot_be_recorded_is_not_acted_on(tmp_path):
    async def run(state):
        with open(tmp_path / "log", "w") as stream:  # noqa: ASYNC230, PTH123 - a test's own log
            await SelfUpdater(
                api=OneRequest(),
                method=Touch(tmp_path / "updated"),
                state=state,
                enrolled_at=lambda: datetime(2020, 1, 1, tzinfo=UTC),
                backoff=Backoff(first_seconds=1, cap_seconds=1, rng=random.Random(1)),
                clock=SetClock(),
                threads=SystemThreads(),
                rng=random.Random(1),
                log=EventLog(stream, SetClock()),
            ).run()

    with StateDirectory(tmp_path / "state", FullDisk()) as state, pytest.raises(OSError, match="No space"):
        asyncio.run(run(state))
    assert not (tmp_path / "updated").exists()
    assert (tmp_path / "log").read_text() == ""
