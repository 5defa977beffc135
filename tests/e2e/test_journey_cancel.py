"""Cancelling: before, while and after a command runs, and at the moment that it ends."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.cloud import eventually, fleet, logged, start_connected

RACES = 8


@pytest.fixture(scope="module")
def west(cloud):
    with fleet(cloud, "west") as west:
        yield west


@pytest.fixture(scope="module")
def machine(west):
    return west.enrol(1, "--max-parallel", str(RACES))[0]


def cancel(fleet, execution_id):
    return fleet.api.call("PATCH", f"/api/v1/command_executions/{execution_id}/cancel")


def processes_of(execution_id):
    """Living processes that a command left, by the variable that each inherits."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue  # it ended just now, or is another user's
            if f"EDGE_EXECUTION_ID={execution_id}".encode() in environment:
                found.append(folder.name)
    return found


def test_pending_execution_is_cancelled_at_once_and_never_runs(west, machine, tmp_path):
    mark = tmp_path / "ran"
    machine.stop()
    command_id = west.run(f"touch {mark}", machine)
    execution_id = west.only(command_id, "pending")["id"]

    answer = cancel(west, execution_id)
    assert (answer.status, answer.data) == (200, {"result": "execution cancelled"})
    cancelled = west.only(command_id, "cancelled")
    assert (cancelled["exit_code"], cancelled["sent_at"]) == (None, None)

    start_connected(machine, "--max-parallel", str(RACES))
    west.only(west.run("true", machine), "completed")
    assert not mark.exists()


def test_cancelled_running_execution_is_stopped_with_all_its_processes(west, machine):
    command_id = west.run("echo begun; sleep 600 & (sleep 601; echo never) & wait; echo never", machine)
    execution_id = west.only(command_id, "sent")["id"]
    eventually(lambda: len(processes_of(execution_id)) >= 4)

    answer = cancel(west, execution_id)

    assert answer.status == 200
    cancelled = west.only(command_id, "cancelled")
    assert cancelled["exit_code"] == 143
    assert cancelled["output"].startswith("begun\n")
    assert "never" not in cancelled["output"]
    # What was killed may still be on its way out.
    eventually(lambda: processes_of(execution_id) == [])
    assert logged(machine, "execution.cancel_requested", execution_id=execution_id)
    again = cancel(west, execution_id)
    assert (again.status, again.code) == (409, "conflict")


def test_finished_execution_can_be_deleted_but_not_cancelled(west, machine):
    command_id = west.run("exit 9", machine)
    execution = west.only(command_id, "completed")

    answer = cancel(west, execution["id"])

    assert (answer.status, answer.code) == (409, "conflict")
    assert west.only(command_id, "completed")["exit_code"] == 9
    path = f"/api/v1/command_executions/{execution['id']}"
    assert west.api.get(path).data["exit_code"] == 9
    assert west.api.call("DELETE", path).status == 204
    assert west.api.get(path).status == 404


def test_cancel_racing_with_completion_leaves_one_outcome(west, machine, tap, tmp_path):
    finish = tmp_path / "finish"
    text = f"while [ ! -e {finish} ]; do sleep 0.02; done; exit 4"
    commands = [west.run(text, machine) for _ in range(RACES)]
    ids = [west.only(command_id, "sent")["id"] for command_id in commands]
    eventually(lambda: all(logged(machine, "execution.started", execution_id=each) for each in ids))

    with ThreadPoolExecutor(RACES) as pool:
        answers = [pool.submit(cancel, west, each) for each in ids]
        finish.touch()
    assert {answer.result().status for answer in answers} <= {200, 409}

    def ended():
        rows = [west.executions_of(command_id)[0] for command_id in commands]
        return rows if all(row["status"] in ("completed", "cancelled") for row in rows) else []

    for row in eventually(ended):
        assert (row["status"], row["exit_code"]) in {("completed", 4), ("cancelled", 143)}

    def outcomes():
        kinds = ("edge.command_execution.completed", "edge.command_execution.cancelled")
        told = Counter(each["data"].get("command_execution_id") for each in tap.envelopes() if each["type"] in kinds)
        return told if set(ids) <= set(told) else None

    told = eventually(outcomes)
    assert [told[each] for each in ids] == [1] * RACES
