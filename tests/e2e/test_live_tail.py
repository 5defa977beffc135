"""Watching a running command of a real agent, by the command line in a process of its own and by a plain client."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from infra.package import ROOT
from tests.e2e.cloud import eventually, fleet, logged

SLOW = "for n in 1 2 3 4; do echo line $n; sleep 4; done; exit 3"
LINES = "".join(f"line {number}\n" for number in (1, 2, 3, 4))
SECONDS = 90


@pytest.fixture(scope="module")
def watched(cloud, tap):
    with fleet(cloud, "watched") as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def agent(watched):
    return watched.enrol(1)[0]


@pytest.fixture
def edgectl(cloud, tmp_path):
    environment = {
        **os.environ,
        "EDGE_URL": cloud.url,
        "EDGE_KEY": cloud.master_key,
        "XDG_CONFIG_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT / "samples" / "cli"),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
    }

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "edgectl", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ask(api, execution_id):
    return api.call("POST", f"/api/v1/command_executions/{execution_id}/tail")


def socket_of(ticket):
    return connect(ticket["url"], additional_headers={"Authorization": f"Bearer {ticket['ticket']}"})


def last_frame_of(socket):
    """The one before the server closes it."""
    frame = None
    with suppress(ConnectionClosed):
        while True:
            frame = json.loads(socket.recv(SECONDS))
    return frame


def test_run_with_tail_shows_lines_while_they_come(edgectl, watched):
    running = edgectl("run", "--on", "cluster:watched", "--tail", SLOW)
    arrivals = [(line, time.monotonic()) for line in running.stdout]
    _, err = running.communicate(timeout=SECONDS)
    assert running.returncode == 1
    assert "".join(line for line, _ in arrivals) == LINES
    assert arrivals[-1][1] - arrivals[0][1] > 1, err
    assert "failed, exit code 3" in err


# Slow: another shows lines as they come; beginnings and ends are tried in process.
@pytest.mark.slow
def test_tail_begins_with_the_output_so_far_and_ends_with_the_execution(edgectl, watched):
    command_id = watched.run(SLOW)
    execution = watched.only(command_id, "sent")
    tailing = edgectl("tail", execution["id"])
    out, err = tailing.communicate(timeout=SECONDS)
    assert (tailing.returncode, out) == (1, LINES), err
    assert watched.only(command_id, "completed")["output"] == LINES


def test_named_key_watches_and_its_agent_stops_when_it_is_gone(cloud, watched, agent):
    made = watched.api.call("POST", "/api/v1/api_keys", {"name": "watcher", "role": "operator"})
    watcher = type(watched.api)(cloud.url, made.data["key"])
    command_id = watched.run("while true; do echo again; sleep 1; done")
    execution = watched.only(command_id, "sent")
    answer = ask(watcher, execution["id"])
    assert answer.status == 201, answer.text
    with socket_of(answer.data) as socket:
        socket.send(json.dumps({"type": "watch", "tail": answer.data["tail_id"]}))
        frames = [json.loads(socket.recv(SECONDS)) for _ in range(3)]
        assert frames[0] == {"type": "watching", "is_connected": True}
        assert [frame["sequence"] for frame in frames[1:]] == [1, 2]
        with pytest.raises(InvalidStatus):
            socket_of(answer.data)
        assert watched.api.call("DELETE", f"/api/v1/api_keys/{made.data['id']}").status == 204
        socket.send(json.dumps({"type": "watch", "tail": answer.data["tail_id"]}))
        assert last_frame_of(socket) == {"type": "end", "reason": "not_allowed"}
    eventually(lambda: logged(agent, "tail.ended", execution_id=execution["id"]))
    assert watched.api.call("POST", f"/api/v1/commands/{command_id}/cancel").status in (200, 202)


def test_execution_that_has_ended_is_refused_by_name(watched):
    execution = watched.results_of(watched.run("true"), 1)[0]
    refused = ask(watched.api, execution["id"])
    assert (refused.status, refused.code) == (409, "execution_ended")
