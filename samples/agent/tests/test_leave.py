"""`edge-agent leave` ends a node's membership and removes the local state, whoever does it and whatever fails."""

import json
import os
import subprocess
import sys

import pytest

from samples.agent.tests.support.agent_process import AGENT_FOLDER
from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.stub_server import BLOCKED, REMOVED

NODE_ID = "00000000-0000-0000-0000-000000000007"


def leave(agents, *options):
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "leave", "--state-dir", str(agents.state_dir), *options],
        cwd=AGENT_FOLDER,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def left(agents):
    return [path.name for path in agents.state_dir.rglob("*")] == ["lock"]


def test_leave_of_a_running_agent_deletes_the_node_ends_the_agent_and_removes_its_state(server, agents):
    agent = agents.connected()
    done = leave(agents)
    assert done.returncode == 0, done.stderr
    assert agent.wait() == 2
    assert agent.logged("agent.left", node_id=NODE_ID)
    assert left(agents), list(agents.state_dir.rglob("*"))
    assert len(server.seen("DELETE", "/agents/nodes/me")) == 1
    assert len(server.seen("POST", "/agents/nodes")) == 1


def test_leave_as_a_command_of_the_agent_is_reported_before_the_node_is_deleted(server, agents):
    agent = agents.connected()
    execution_id = server.add("$EDGE_AGENT leave && echo gone", wake=True)
    assert agent.wait() == 2
    item = server.final(execution_id)
    assert (item["exit_code"], item["output"].splitlines()[-1]) == (0, "gone")
    assert left(agents), list(agents.state_dir.rglob("*"))


def test_leave_without_a_running_agent_does_it_itself_and_may_be_repeated(server, agents):
    agents.connected().stop()
    assert leave(agents).returncode == 0
    assert server.tokens == {}
    again = leave(agents)
    assert (again.returncode, left(agents)) == (0, True)
    assert len(server.seen("DELETE", "/agents/nodes/me")) == 1


def test_leave_of_a_machine_without_state_says_so(agents):
    done = leave(agents)
    assert done.returncode == 0
    assert "does not exist" in done.stderr
    assert not agents.state_dir.exists()


def test_leave_offline_keeps_the_state_and_the_next_start_of_the_agent_leaves(server, agents):
    agents.connected().stop()
    server.down = True
    done = leave(agents, "--wait-seconds", "1")
    assert done.returncode == 1
    assert "still a member" in done.stderr
    assert (agents.state_dir / "identity.json").exists()
    server.down = False
    agent = agents.start()
    assert agent.wait() == 2
    assert (left(agents), server.tokens) == (True, {})
    assert len(server.seen("POST", "/agents/nodes")) == 1


@pytest.mark.parametrize("processed", [True, False], ids=["answer-lost", "request-lost"])
def test_leave_with_a_lost_answer_is_repeated_and_does_not_enrol_again(server, agents, processed):
    agent = agents.connected()
    server.fail("DELETE", "/agents/nodes/me", times=3, processed=processed)
    assert leave(agents).returncode == 0
    assert agent.wait() == 2
    assert (left(agents), server.tokens) == (True, {})
    assert len(server.seen("POST", "/agents/nodes")) == 1


def test_leave_that_the_server_refuses_is_withdrawn_and_the_agent_works_again(server, agents):
    agents.connected().stop()
    server.fail("DELETE", "/agents/nodes/me", status=404)
    done = leave(agents)
    assert done.returncode == 2
    assert "did not let this node go" in done.stderr
    agent = agents.connected()
    execution_id = server.add("echo still here", wake=True)
    assert eventually(lambda: server.final(execution_id), what=agent.stderr)["output"] == "still here\n"


def test_leave_with_a_replaced_token_is_refused_and_keeps_the_state(server, agents):
    agents.connected().stop()
    (token,) = server.tokens.values()
    server.tokens[NODE_ID] = "token-of-another-registration"
    done = leave(agents)
    assert done.returncode == 2
    assert "did not let this node go: status 401" in done.stderr
    assert json.loads((agents.state_dir / "identity.json").read_text())["api_token"] == token
    assert not (agents.state_dir / "leave.json").exists()


@pytest.mark.parametrize("told", [REMOVED, BLOCKED])
def test_leave_of_a_node_that_an_operator_removed_removes_the_state(server, agents, told):
    agents.connected().stop()
    server.removed = told
    assert leave(agents).returncode == 0
    assert left(agents), list(agents.state_dir.rglob("*"))


def test_leave_after_a_crash_between_deletion_and_removal_removes_the_state(server, agents):
    agents.connected().stop()
    server.tokens_of_removed.update(server.tokens.values())
    server.tokens.clear()
    (agents.state_dir / "leave.json").write_text(json.dumps({"requested_at": "2026-01-01T00:00:00Z"}))
    agent = agents.start()
    assert agent.wait() == 2
    assert left(agents), list(agents.state_dir.rglob("*"))
    assert len(server.seen("POST", "/agents/nodes")) == 1
