"""An output that no result can hold: from a real agent to the bucket, and from there to readers, byte for byte."""

import json
import os
import subprocess
import sys

import pytest
import urllib3

from infra.package import ROOT
from tests.e2e.api import Api
from tests.e2e.cloud import eventually, fleet, logged

TEXT = "seq 1 400000; printf '\\377\\000 end'; exit 3"
EXPECTED = b"".join(b"%d\n" % number for number in range(1, 400_001)) + b"\xff\x00 end"


@pytest.fixture(scope="module")
def machines(cloud, tap):
    with fleet(cloud, "outputs") as found:
        yield found


def whole(machines, execution_id):
    return machines.api.call("GET", f"/api/v1/command_executions/{execution_id}/output").data


def test_long_output_is_stored_read_printed_and_deleted(cloud, machines, tmp_path):
    [agent] = machines.enrol(1)
    [node] = machines.nodes()
    assert "large_output" in node["features"]
    execution_id = machines.results_of(machines.run(TEXT), 1)[0]["id"]
    shown = machines.api.call("GET", f"/api/v1/command_executions/{execution_id}").data
    assert (shown["exit_code"], shown["output_size"], shown["output_truncated"]) == (3, len(EXPECTED), True)
    assert "bytes of output dropped" in shown["output"]

    told = whole(machines, execution_id)
    assert (told["is_whole"], told["size"]) == (True, len(EXPECTED))
    answer = urllib3.request("GET", told["url"], decode_content=True)
    assert (answer.status, answer.data) == (200, EXPECTED)
    assert edgectl(cloud, tmp_path, "executions", "output", execution_id) == EXPECTED
    assert logged(agent, "execution.output_uploaded", execution_id=execution_id)

    assert machines.api.call("DELETE", f"/api/v1/command_executions/{execution_id}").status == 204
    eventually(lambda: urllib3.request("GET", told["url"]).status in (403, 404))


def test_link_takes_no_other_content_than_was_announced(machines):
    agent = machines.enrol(1)[0]
    command_id = machines.run("sleep 600", agent)
    execution = machines.only(command_id, "sent")
    offered = agent_call(machines, agent, f"/api/v1/agents/command_executions/{execution['id']}/output")
    assert urllib3.request("PUT", offered["url"], headers=offered["headers"], body=b"other").status == 400
    machines.api.call("POST", f"/api/v1/commands/{command_id}/cancel")


def agent_call(machines, agent, path):
    token = json.loads((agent.folder / "state" / "identity.json").read_text())["api_token"]
    return Api(machines.api.url, token).call("POST", path, {"size": 5, "sha256": "ab" * 32}).data


def edgectl(cloud, folder, *arguments):
    environment = {
        **os.environ,
        "EDGE_URL": cloud.url,
        "EDGE_KEY": cloud.master_key,
        "XDG_CONFIG_HOME": str(folder),
        "PYTHONPATH": str(ROOT / "samples" / "cli"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "edgectl", *arguments], env=environment, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
