"""The agent as the stack serves it: installed by the script, enrolled, given a command, brought up to date, and brought
back from a version that dies."""

import os
import platform
import shutil
import subprocess
import sys
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.agent_bundle import AGENT, ARCHITECTURES, PYTHONS, build_bundle
from infra.agent_release import publish
from infra.package import ROOT
from tests.e2e.cloud import eventually, fleet
from tests.e2e.test_names_and_updates import look_at
from tests.support.aws_clients import local_client

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TIMES = ["--healthy-seconds", "60", "--probation-seconds", "1"]
HEALTHY = "                await self._in_thread(self._file.report_healthy)\n"
VARIANTS = {
    "newer": ("__init__.py", '"""The reference', '"""A newer reference'),
    "mortal": ("bundle_update.py", HEALTHY, f"{HEALTHY}                __import__('os')._exit(5)\n"),
}
PATIENCE_SECONDS = 120

pytestmark = pytest.mark.skipif(
    platform.machine() not in ARCHITECTURES or THIS_PYTHON not in PYTHONS, reason="there is no bundle for this machine"
)


def bundle_of(folder, name=None):
    """The agent as it is, or a variant of it, for this machine."""
    source = AGENT
    if name is not None:
        file, text, instead = VARIANTS[name]
        source = folder / name
        shutil.copytree(AGENT, source, ignore=shutil.ignore_patterns("tests", "__pycache__", "*.egg-info"))
        module = source / "edge_agent" / file
        assert text in module.read_text()
        module.write_text(module.read_text().replace(text, instead))
    return build_bundle(platform.machine(), [THIS_PYTHON], agent=source, cache=ROOT / "build")


def install(cloud, folder, key):
    """What the documents say, below a folder."""
    script, key_file = folder / "install.sh", folder / "key"
    with urllib.request.urlopen(f"{cloud.url}/agent/install.sh") as answer:
        script.write_bytes(answer.read())
    key_file.write_text(key)
    options = ["--root", str(folder), "--key-file", str(key_file), "--", "--random-id"]
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", script, *options], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert not key_file.exists()


def start(folder):
    base = folder / "opt" / "edge-agent"
    command = [sys.executable, "-I", base / "launcher.py", "--versions", base / "versions", *TIMES]
    options = ["--", "--state-dir", folder / "var" / "lib" / "edge-agent", "--self-update"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([*command, *options], stderr=log, env={"PATH": os.environ["PATH"]})


def update(cloud, made, node, **more):
    """Ask for an update; what the request says of the node and of itself in the end."""
    targeting = {"type": "nodes", "node_ids": [node["id"]]}
    answer = made.api.call("POST", "/api/v1/self_update_requests", {"targeting": targeting, **more})
    assert answer.status == 201, answer.text
    path = f"/api/v1/self_update_requests/{answer.data['id']}"

    def is_over():
        rows = made.api.items(f"{path}/nodes")
        return rows[0] if rows and rows[0]["status"] in ("updated", "failed") else None

    row = eventually(is_over, PATIENCE_SECONDS)

    def is_completed():
        look_at(cloud, {"request_id": answer.data["id"]})
        return made.api.call("GET", path).data["summary"]

    return row, eventually(is_completed, PATIENCE_SECONDS)


@contextmanager
def served(cloud, folder):
    """The fleet with the agent of the stack, as it is installed, its node, and the node's version."""
    first = bundle_of(folder)
    publish(bucket(cloud), cloud.state["ArtifactBucket"], [first])
    with fleet(cloud, f"bundled-{uuid.uuid4().hex[:8]}") as made:
        install(cloud, folder, made.new_key()["key"])
        launcher = start(folder)
        try:
            (node,) = eventually(lambda: [each for each in made.nodes() if each["self_update_enabled"]])
            assert node["version"] == first.version
            yield made, node
        finally:
            launcher.terminate()
            launcher.wait(60)


def bucket(cloud):
    return local_client(cloud.emulator_url, "s3")


def test_served_agent_is_installed_and_updated(cloud, tmp_path):
    with served(cloud, tmp_path) as (made, node):
        assert made.results_of(made.run("echo installed"), 1)[0]["output"] == "installed\n"

        newer = bundle_of(tmp_path, "newer")
        publish(bucket(cloud), cloud.state["ArtifactBucket"], [newer], current=False)
        row, summary = update(cloud, made, node, version=newer.version)
        assert (row["status"], row["version_before"], row["version"]) == ("updated", node["version"], newer.version)
        assert summary == {"total": 1, "triggered": 1, "failed": 0, "updated": 1}
        eventually(lambda: made.nodes()[0]["version"] == newer.version)


# Slow: that a machine goes back, samples/agent/tests/test_bundle_update.py shows.
@pytest.mark.slow
def test_served_agent_that_dies_is_rolled_back_to_the_version_before(cloud, tmp_path):
    with served(cloud, tmp_path) as (made, node):
        publish(bucket(cloud), cloud.state["ArtifactBucket"], [bundle_of(tmp_path, "mortal")])
        row, summary = update(cloud, made, node)
        assert (row["status"], row["version"]) == ("failed", node["version"])
        assert "with status 5" in row["reason"]
        assert summary == {"total": 1, "triggered": 0, "failed": 1, "updated": 0}

        assert made.results_of(made.run("echo still here"), 1)[0]["output"] == "still here\n"
