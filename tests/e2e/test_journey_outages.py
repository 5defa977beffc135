"""Machines that are away, die or are cut off, and deadlines that pass meanwhile."""

from datetime import timedelta

import pytest

from chalicelib.kit.clock import SystemClock, to_seconds_text
from tests.e2e.cloud import eventually, fleet, logged, start_connected


@pytest.fixture(scope="module")
def east(cloud):
    with fleet(cloud, "east") as east:
        yield east


@pytest.fixture(scope="module")
def machine(east):
    """An agent that every test here leaves connected."""
    return east.enrol()[0]


def test_offline_agent_runs_its_command_when_it_returns(east, machine):
    machine.stop()
    assert logged(machine, "agent.stopped")

    command_id = east.run("echo at last", machine)
    execution = east.only(command_id, "pending")
    assert execution["sent_at"] is None
    start_connected(machine)

    assert east.only(command_id, "completed")["output"] == "at last\n"


# Slow: every sweep twice. Deadlines are tried in process.
@pytest.mark.slow
def test_execution_not_fetched_by_its_deadline_expires(east, machine, cloud, tmp_path):
    mark = tmp_path / "ran"
    machine.stop()
    # So long that a busy machine has made the execution before.
    deadline = SystemClock().now() + timedelta(seconds=5)
    command_id = east.run(f"touch {mark}", machine, expired_at=to_seconds_text(deadline))
    execution = east.only(command_id, "pending")

    cloud.sweep()
    eventually(lambda: SystemClock().now() > deadline + timedelta(seconds=1))
    cloud.sweep()
    expired = east.only(command_id, "expired")

    assert expired["id"] == execution["id"]
    start_connected(machine)
    assert east.only(east.run("echo later", machine), "completed")["output"] == "later\n"
    assert not mark.exists()
    assert east.only(command_id, "expired")["exit_code"] is None


def test_execution_interrupted_by_a_killed_agent_is_reported_and_not_rerun(east, machine, tmp_path):
    log = tmp_path / "log"
    command_id = east.run(f"echo begun | tee -a {log}; sleep 600; echo ended >> {log}", machine)
    execution = east.only(command_id, "sent")
    eventually(log.exists)

    machine.kill()
    start_connected(machine)

    reported = east.only(command_id, "completed")
    assert reported["exit_code"] == 125
    assert reported["output"].startswith("begun\n")
    assert log.read_text() == "begun\n"
    assert len(logged(machine, "execution.started", execution_id=execution["id"])) == 1
    assert len(logged(machine, "execution.interrupted", execution_id=execution["id"])) == 1


def test_result_is_kept_until_the_server_is_back(east, link, tmp_path):
    """And survives the agent's own death meanwhile."""
    finish = tmp_path / "finish"
    agent = east.enrol(environment=link.environment)[0]
    command_id = east.run(f"while [ ! -e {finish} ]; do sleep 0.05; done; echo kept", agent)
    execution_id = east.only(command_id, "sent")["id"]
    eventually(lambda: logged(agent, "execution.started", execution_id=execution_id))

    link.cut()
    finish.touch()
    eventually(lambda: logged(agent, "execution.report_delayed", execution_id=execution_id))
    assert east.only(command_id, "sent")["exit_code"] is None
    agent.kill()
    link.mend()
    start_connected(agent, environment=link.environment)

    assert east.only(command_id, "completed")["output"] == "kept\n"
    assert len(logged(agent, "execution.started", execution_id=execution_id)) == 1


def test_agent_reconnects_by_itself_after_a_server_outage(east, link, tmp_path):
    finish = tmp_path / "finish"
    agent = east.enrol(environment=link.environment)[0]
    command_id = east.run(f"while [ ! -e {finish} ]; do sleep 0.05; done; exit 5", agent)
    execution_id = east.only(command_id, "sent")["id"]
    eventually(lambda: logged(agent, "execution.started", execution_id=execution_id))

    link.cut()
    finish.touch()
    eventually(lambda: logged(agent, "execution.report_delayed", execution_id=execution_id))
    waiting = east.run("echo waited", agent)
    link.mend()

    assert east.only(command_id, "completed")["exit_code"] == 5
    assert east.only(waiting, "completed")["output"] == "waited\n"
    assert not logged(agent, "agent.token_refused")
