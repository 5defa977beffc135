"""The everyday jobs of docs/jobs.md by `edgectl`, in processes of its own, against real agents."""

import json
import os
import subprocess
import sys

import pytest

from infra.package import ROOT
from tests.e2e.cloud import fleet

SECONDS = 60


@pytest.fixture(scope="module")
def machines(cloud, tap):
    with fleet(cloud, "jobs") as found:
        found.enrol(2)
        yield found


@pytest.fixture
def edgectl(cloud, tmp_path):
    environment = {
        **os.environ,
        "EDGE_URL": cloud.url,
        "EDGE_KEY": cloud.master_key,
        "XDG_CONFIG_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT / "samples" / "cli"),
        "NO_COLOR": "1",
    }

    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "edgectl", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    return run


def test_everyday_jobs_are_done_by_the_command_line(edgectl, machines, tmp_path):
    first, second = (node["id"] for node in machines.nodes())
    edgectl("aliases", "create", first, "--name", "till-1")
    edgectl("aliases", "create", second[:23], "--name", "till-2")

    fails_on_one = f"mkdir {tmp_path}/once 2>/dev/null && echo fine"
    assert edgectl("run", "--on", "till-1,till-2", fails_on_one, code=1) == "fine\n"
    command = json.loads(edgectl("commands", "list", "--limit", "1", "-o", "json"))[0]
    assert edgectl("retry", command["id"], "--text", "echo mended") == "mended\n"

    edgectl("run", "--on", "cluster:jobs", "--no-wait", "sleep 30")
    running = json.loads(edgectl("commands", "list", "--limit", "1", "-o", "json"))[0]
    edgectl("commands", "cancel", running["id"], "-y")

    assert "command.create" in edgectl("audit", "list", "--since", "1h", "-o", "csv")
    assert edgectl("down", "jobs", "-o", "json") == "[]\n"
    edgectl("nodes", "delete", "till-2", "--yes")
    assert [row["id"] for row in json.loads(edgectl("nodes", "list", "--cluster", "jobs", "-o", "json"))] == [first]
