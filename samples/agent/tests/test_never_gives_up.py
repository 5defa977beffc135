"""The agent waits out every error that can be removed from elsewhere, and recovers by itself."""

import json
import re
import shutil
import signal
import uuid
from itertools import pairwise

import pytest

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.stub_server import REMOVED

NODE_ID = str(uuid.UUID(int=7))
DAY = 86400.0


def done(server, execution_id, agent):
    return eventually(lambda: server.final(execution_id), what=agent.stderr)


@pytest.fixture
def machine(tmp_path):
    """A folder that makes the agent's machine misbehave, with short delays."""
    folder = tmp_path / "machine"
    folder.mkdir()
    short = {
        "edge_agent.runtime.LONGEST_RETRY_SECONDS": 0.5,
        "edge_agent.runtime.LONGEST_REFUSED_SECONDS": 0.5,
        "edge_agent.health.CHECK_SECONDS": 0.2,
    }
    (folder / "constants.json").write_text(json.dumps(short))
    return folder


def registrations(server):
    return len(server.seen("POST", "/agents/nodes"))


@pytest.mark.parametrize("restarts", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_disk_full_for_a_day_keeps_the_identity(server, agents, machine, restarts):
    agents.connected().stop()
    # A new enrolment would be refused.
    server.key_error = "key_spent"
    (machine / "disk_full").touch()
    before = registrations(server)

    for _ in range(restarts):
        agent = agents.connected(odd_machine=machine)
        agent.wait_for("state.not_written")
        server.moment += DAY / restarts
        agent.stop(signal.SIGKILL)
    agent = agents.connected(odd_machine=machine)
    agent.wait_for("state.not_written")
    execution_id = server.add("echo back", wake=True)
    agent.wait_for("poll.failed")
    server.moment += DAY
    assert registrations(server) == before
    assert server.executions[execution_id]["status"] == "pending"

    (machine / "disk_full").unlink()

    assert done(server, execution_id, agent)["output"] == "back\n"
    agent.wait_for("agent.reregistered")
    agent.stop()
    agents.connected(key=None).wait_for("agent.reregistered")


def test_disk_filled_during_a_registration_keeps_the_identity(server, agents, machine):
    agents.connected().stop()
    server.key_error = "key_spent"
    server.before = lambda method, path: (machine / "disk_full").touch() if path == "/agents/nodes" else None
    agent = agents.start(odd_machine=machine)
    eventually(lambda: agent.logged("agent.reregistered") and agent.logged("state.not_written"), what=agent.stderr)
    agent.stop(signal.SIGKILL)
    server.before = lambda method, path: None
    (machine / "disk_full").unlink()

    agent = agents.connected(odd_machine=machine)

    assert done(server, server.add("echo back", wake=True), agent)["output"] == "back\n"


def test_disk_filled_while_a_command_runs_does_not_end_it(server, agents, machine, tmp_path):
    agent = agents.connected(odd_machine=machine)
    execution_id = server.add(f"while [ ! -e {tmp_path}/release ]; do sleep 0.02; done; exit 3", wake=True)
    agent.wait_for("execution.started")
    (machine / "disk_full").touch()
    (tmp_path / "release").touch()
    agent.wait_for("journal.failed")
    assert agent.process.poll() is None
    (machine / "disk_full").unlink()
    assert done(server, execution_id, agent)["exit_code"] == 3
    assert done(server, server.add("echo more", wake=True), agent)["output"] == "more\n"


def test_new_machine_with_a_full_disk_waits_for_it(server, agents, machine):
    agents.state_dir.mkdir(mode=0o700)
    (machine / "disk_full").touch()
    agent = agents.start(odd_machine=machine)
    agent.wait_for("state.not_usable")
    assert server.uses_taken == []
    (machine / "disk_full").unlink()
    agent.wait_for("websocket.connected")
    assert server.uses_taken == [NODE_ID]


def test_enrolled_machine_works_while_registrations_are_unavailable(server, agents):
    agents.connected().stop()
    server.fail("POST", "/agents/nodes", times=1000, status=429)
    agent = agents.connected(key=None)
    assert done(server, server.add("echo works", wake=True), agent)["output"] == "works\n"


def test_node_with_a_refused_reregistration_reports_unhealthy_and_works(server, agents, machine):
    agents.connected().stop()
    server.fail("POST", "/agents/nodes", times=1000, status=422)
    agent = agents.connected(odd_machine=machine)
    agent.wait_for("node.refused")
    assert done(server, server.add("echo works", wake=True), agent)["output"] == "works\n"
    agent.wait_for("health.reported", status="unhealthy")

    def said():
        return [request.body["status"] for request in server.seen("PATCH", "/agents/nodes/me/health_check")]

    refused = said()
    assert refused[-1] == "unhealthy"
    server.faults.clear()
    # It may say so again: a report without an answer, and news of the machine, are further ones.
    eventually(lambda: "healthy" in said()[len(refused) :], what=agent.stderr)


def test_repeated_refusals_back_off(server, agents):
    server.key_error = "key_spent"
    agent = agents.start()
    eventually(lambda: len(agent.logged("node.refused")) >= 4, what=agent.stderr)
    waits = [entry["seconds"] for entry in agent.logged("node.refused")][:4]
    assert all(later / earlier > 1 for earlier, later in pairwise(waits[::2]))


def test_machines_with_one_identity_wait_until_one_has_ended(server, agents, machine):
    server.poll_seconds = 0.2
    agent = agents.connected(odd_machine=machine)
    server.fail("GET", "/agents/command_executions", times=1000, status=409, code="identity_conflict")
    server.disconnect()
    execution_id = server.add("echo alone")
    agent.wait_for("node.identity_conflict")
    assert server.final(execution_id) is None
    server.faults.clear()
    assert done(server, execution_id, agent)["output"] == "alone\n"
    assert len({request.instance for request in server.requests}) == 1


def test_repeatedly_refused_tokens_are_renewed_with_backoff(server, agents, machine):
    agent = agents.connected(odd_machine=machine)
    server.fail("GET", "/agents/command_executions", times=8, status=401)
    server.disconnect()
    agent.wait_for("node.renewed_lately")
    assert done(server, server.add("echo back", wake=True), agent)["output"] == "back\n"


NONSENSE = {
    "a page": b"<html>Welcome to the hotel</html>",
    "cut off": b'{"data": {"veri',
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "a number": b'{"data": 5, "meta": 7}',
    "a text": b'{"data": "yes", "meta": {"pagination": []}}',
    "odd things": b'{"data": [7, null, {"id": 1}, {"id": "x"}], "meta": []}',
    "odd times": b'{"data": {"verified": true, "netmaker_key": 7, "api_token": ["x"], "network_name": {}},'
    b' "meta": {"timestamp": "0001-01-01T00:00:00+23:59"}}',
    "odd error": b'{"error": ["no"]}',
    "no text": b'{"data": "\xff\xfe"}',
}
PATHS = [
    ("POST", "/agents/enrollment_keys/verify"),
    ("POST", "/agents/nodes"),
    ("GET", "/agents/command_executions"),
    ("PATCH", "/agents/command_executions/[^/]+/acknowledge"),
    ("PATCH", "/agents/command_executions/[^/]+/result"),
]


FEW = frozenset({"a page", "odd times"})
"""The most different ones; the others are slow together."""


@pytest.mark.parametrize(
    ("content", "status"),
    [
        *(
            pytest.param(content, 200, id=name, marks=() if name in FEW else pytest.mark.slow)
            for name, content in NONSENSE.items()
        ),
        pytest.param(NONSENSE["a page"], 502, id="a page with 502", marks=pytest.mark.slow),
        pytest.param(NONSENSE["a page"], 403, id="a page with 403", marks=pytest.mark.slow),
    ],
)
def test_invalid_answers_are_retried(server, agents, machine, tmp_path, content, status):
    server.poll_seconds = 0.2
    server.websocket = False
    for method, path in PATHS:
        server.fail(method, path, times=2, status=status, content=content)
    agent = agents.start(odd_machine=machine)
    execution_id = server.add(f"echo ran >> {tmp_path}/runs")
    eventually((tmp_path / "runs").exists, what=agent.stderr)
    agent.wait_for("execution.reported", execution_id=execution_id)
    assert done(server, server.add("echo still here"), agent)["output"] == "still here\n"
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert "Traceback" not in agent.stderr


FILES = ("node.json", "identity.json", "acknowledging.json", "machine.json", "journal.jsonl")
DAMAGES = {"empty": b"", "odd": b'{"node_id": 7}', "zeros": b"\x00" * 100}


def once(file, damage):
    """A parameter that is slow unless its file or its damage is the first: each has a case in every run."""
    is_first = file == FILES[0] or damage == next(iter(DAMAGES))
    return pytest.param(file, DAMAGES[damage], id=f"{file}-{damage}", marks=() if is_first else pytest.mark.slow)


@pytest.mark.parametrize(("file", "damage"), [once(file, damage) for file in FILES for damage in DAMAGES])
def test_machine_with_a_damaged_state_file_recovers(server, agents, file, damage):
    agents.connected().stop()
    (agents.state_dir / file).write_bytes(damage)
    agent = agents.connected()
    assert done(server, server.add("echo back", wake=True), agent)["output"] == "back\n"
    assert server.uses_taken == [NODE_ID]


def copied(agents, machine, tmp_path):
    """The state directory on another machine."""
    copy = tmp_path / "copy"
    shutil.copytree(agents.state_dir, copy)
    hardware = tmp_path / "hardware"
    hardware.write_text(str(uuid.uuid4()))
    constants = json.loads((machine / "constants.json").read_text())
    constants["edge_agent.startup.HARDWARE_ID_FILES"] = [str(hardware)]
    (machine / "constants.json").write_text(json.dumps(constants))
    return copy


def test_copied_state_directory_does_not_run_the_originals_executions(server, agents, machine, tmp_path):
    (tmp_path / "hardware").write_text(str(uuid.uuid4()))
    copied_constants = {"edge_agent.startup.HARDWARE_ID_FILES": [str(tmp_path / "hardware")]}
    (machine / "constants.json").write_text(json.dumps(copied_constants))
    original = agents.connected("--max-parallel", "1", odd_machine=machine)
    runs = tmp_path / "runs"
    running = server.add(f"echo original >> {runs}; while [ ! -e {tmp_path}/release ]; do sleep 0.02; done", wake=True)
    original.wait_for("execution.started")
    waiting = server.add(f"echo waiting >> {runs}", wake=True)
    original.wait_for("execution.acknowledged", execution_id=waiting)
    eventually(lambda: waiting in (agents.state_dir / "journal.jsonl").read_text(), what="its record")
    before = registrations(server)

    copy = copied(agents, machine, tmp_path)
    clone = agents.start("--state-dir", str(copy), odd_machine=machine)
    clone.wait_for("state.moved")
    clone.wait_for("execution.of_another", execution_id=running)
    clone.wait_for("execution.of_another", execution_id=waiting)
    clone.wait_for("websocket.connected")

    assert registrations(server) == before
    eventually(lambda: len({request.instance for request in server.requests}) == 2, what="the requests of both")
    (tmp_path / "release").touch()
    assert done(server, waiting, original)["exit_code"] == 0
    assert runs.read_text() == "original\nwaiting\n"
    assert not clone.logged("execution.started")


def test_execution_without_a_record_is_left_until_it_is_cancelled(server, agents, tmp_path):
    agents.connected().stop()
    # As after a restored backup: given to this node, without a record here.
    execution_id = server.add(f"echo x >> {tmp_path}/runs", status="sent", inserted_at="2999-01-01T00:00:00Z")
    agent = agents.connected(key=None)
    agent.wait_for("execution.of_another", execution_id=execution_id)
    server.cancel(execution_id)
    assert done(server, execution_id, agent)["exit_code"] == 143
    assert not (tmp_path / "runs").exists()


def test_execution_of_an_earlier_installation_is_reported_and_not_run(server, agents, tmp_path):
    execution_id = server.add(f"echo x >> {tmp_path}/runs", status="sent", inserted_at="2001-01-01T00:00:00Z")
    agent = agents.connected()
    item = done(server, execution_id, agent)
    assert item["exit_code"] == 125
    assert re.match("An earlier installation .* may have run", item["output"])
    assert not (tmp_path / "runs").exists()


def test_execution_given_to_an_early_version_is_run(server, agents):
    agents.connected()
    record = agents.state_dir / "acknowledging.json"
    eventually(record.exists, what="the record")
    agents.started[0].stop()
    record.unlink()
    execution_id = server.add("echo found", status="sent")
    agent = agents.connected(key=None)
    assert done(server, execution_id, agent)["output"] == "found\n"


def test_doubtful_acknowledgement_is_looked_up_while_the_lists_lag(server, agents, machine):
    constants = {"edge_agent.intake.DOUBT_SECONDS": [0.05] * 400}
    (machine / "constants.json").write_text(json.dumps(constants))
    agent = agents.connected(odd_machine=machine)
    server.hide_sent = True
    server.fail("PATCH", "/agents/command_executions/[^/]+/acknowledge", times=2, processed=True)
    execution_id = server.add("echo found", wake=True)
    eventually(lambda: server.executions[execution_id]["status"] == "sent", what=agent.stderr)
    asked = len(server.seen("GET", "/agents/command_executions"))
    eventually(lambda: len(server.seen("GET", "/agents/command_executions")) > asked + 30, what="thirty looks")
    server.hide_sent = False
    assert done(server, execution_id, agent)["output"] == "found\n"


def test_deletion_that_the_registration_alone_tells_cancels_running_commands(server, agents):
    agent = agents.connected("--cancel-grace-seconds", "0.2")
    execution_id = server.add("sleep 300", wake=True)
    agent.wait_for("execution.started")
    server.fail("POST", "/agents/nodes", times=1000, status=422, code="node_removed")
    tokens, server.tokens = server.tokens, {}
    server.disconnect()
    agent.wait_for("execution.finished", execution_id=execution_id, exit_code=143)
    server.faults.clear()
    server.tokens = tokens  # it reports, and stops at once


def test_deleted_node_cancels_its_running_commands(server, agents, machine):
    server.poll_seconds = 0.2
    agent = agents.connected("--cancel-grace-seconds", "0.2", odd_machine=machine)
    execution_id = server.add("sleep 300", wake=True)
    agent.wait_for("execution.started")
    server.removed = REMOVED
    server.disconnect()
    agent.wait_for("execution.finished", execution_id=execution_id, exit_code=143)
