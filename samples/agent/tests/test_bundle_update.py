"""Updates with real bundles, the real launcher and real agents, and a stub of the server. After every outcome a version
runs, and the server knows which."""

import functools
import http.server
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from edge_agent.launcher import MAX_EARLY_ENDS

from infra.agent_bundle import AGENT, ARCHITECTURES, PYTHONS, build_bundle, launcher_program
from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.launcher_machine import small_file_system
from samples.agent.tests.support.stub_server import StubServer, error, meta, now

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NODE_ID = str(uuid.UUID(int=7))
REQUEST_ID = str(uuid.UUID(int=8))
OUTCOME = f"/agents/self_updates/{REQUEST_ID}/outcome"
PATIENCE_SECONDS = 90

pytestmark = pytest.mark.skipif(
    platform.machine() not in ARCHITECTURES or THIS_PYTHON not in PYTHONS, reason="there is no bundle for this machine"
)

HEALTHY_CALL = "                await self._in_thread(self._file.report_healthy)\n"
CHANGES = {
    "base": ("bundle_update.py", HEALTHY_CALL, HEALTHY_CALL),
    "newer": ("__init__.py", '"""The reference', '"""A newer reference'),
    "mute": ("bundle_update.py", HEALTHY_CALL, ""),
    "mortal": ("bundle_update.py", HEALTHY_CALL, f"{HEALTHY_CALL}                __import__('os')._exit(5)\n"),
    "broken": ("__main__.py", "import sys\n", "import sys\nimport nothing_of_that_name\n"),
}
"""Variants of the agent: file, text, and what stands in its place."""


class UpdatingServer(StubServer):
    """Serves bundles, and keeps the outcomes that agents report."""

    def __init__(self):
        super().__init__()
        self.offers = {}
        self.current = None
        self.asked = []

    def handle(self, method, path, query, body, token):
        if (method, path) == ("GET", "/agents/bundle"):
            self.asked.append(dict(query))
            version = query.get("version") or self.current
            if version not in self.offers:
                return error(404, "not_found", "this stack has no such version of the agent")
            return 200, {"data": self.offers[version], "meta": meta()}
        if (method, path) == ("PATCH", OUTCOME):
            return 200, {"data": {}, "meta": meta()}
        return super().handle(method, path, query, body, token)

    def ask_for(self, version=None):
        """Request an update of every agent, and announce it over the socket."""
        self.self_update = {"including_me": True, "inserted_at": now(), "request_id": REQUEST_ID, "version": version}
        self.send({"type": "self_update"})

    def outcomes(self):
        return [request.body for request in self.seen("PATCH", OUTCOME)]


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    """Builds each variant once, at its first use."""
    built = {}

    def bundle(name):
        if name not in built:
            source = tmp_path_factory.mktemp(name) / "agent"
            shutil.copytree(AGENT, source, ignore=shutil.ignore_patterns("tests", "__pycache__", "*.egg-info"))
            file, text, instead = CHANGES[name]
            module = source / "edge_agent" / file
            assert text in module.read_text()
            module.write_text(module.read_text().replace(text, instead))
            built[name] = build_bundle(platform.machine(), [THIS_PYTHON], agent=source)
        return built[name]

    return bundle


@pytest.fixture(scope="session")
def installed(bundles, tmp_path_factory):
    """A folder of versions with `base`, as the installer leaves it. Tests copy it."""
    folder = tmp_path_factory.mktemp("installed")
    bundle = bundles("base")
    (folder / "bundle.tar.gz").write_bytes(bundle.content)
    program = AGENT / "edge_agent" / "bundles.py"
    command = [program, folder / "bundle.tar.gz", "--sha256", bundle.sha256, "--versions", folder / "versions"]
    subprocess.run([sys.executable, "-I", *command], check=True, capture_output=True)
    (folder / "versions" / "current").symlink_to(bundle.version)
    return folder / "versions"


@pytest.fixture
def server():
    with UpdatingServer() as running:
        yield running


@pytest.fixture
def files(tmp_path):
    """Serves a folder, as the bucket does; the URL of a file by its name."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Machine:
    """A machine with an installed agent: enrolled by the real command, run by the real launcher."""

    def __init__(self, server, folder, installed, times):
        self.server = server
        self.folder = folder
        self.state = folder / "state"
        self.versions = folder / "versions"
        self.times = times
        self.log = folder / "log"
        shutil.copytree(installed, self.versions, symlinks=True)
        self.base = self.runs()
        self.launcher = None
        key = folder / "key"
        key.write_text(server.key())
        enrol = [self.versions / "current" / "bin" / "edge-agent", "enrol", "--state-dir", self.state]
        done = subprocess.run(
            [*enrol, "--enrollment-key-file", key, "--node-id", NODE_ID], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert not key.exists(), "an enrolled machine needs no key"

    def runs(self):
        return str((self.versions / "current").readlink())

    def launch(self):
        launcher = self.folder / "launcher.py"
        launcher.write_bytes(launcher_program())
        command = [sys.executable, "-I", launcher, "--versions", self.versions, *self.times, "--"]
        options = ["--state-dir", self.state, "--self-update"]
        with self.log.open("ab") as log:
            self.launcher = subprocess.Popen(
                [*map(str, [*command, *options])], stderr=log, env={"PATH": os.environ["PATH"]}
            )
        return self.launcher

    def start(self):
        self.launch()
        eventually(lambda: self.server.connections, what=self.text, seconds=PATIENCE_SECONDS)

    def kill(self):
        """Kill launcher, agent and all their processes, as a power cut does."""
        self.launcher.send_signal(signal.SIGKILL)
        self.launcher.wait()
        eventually(lambda: not self.server.connections, what="the end of the connection")
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and str(self.versions) in _command_of(process):
                os.kill(int(process.name), signal.SIGKILL)

    def stop(self):
        if self.launcher is not None and self.launcher.poll() is None:
            self.launcher.terminate()
            self.launcher.wait(60)

    def text(self):
        return self.log.read_text()

    def outcome(self):
        """Wait for the reported outcome, check that a command still runs, and return the outcome."""
        eventually(self.server.outcomes, what=self.text, seconds=PATIENCE_SECONDS)
        eventually(lambda: self.server.connections, what=self.text, seconds=PATIENCE_SECONDS)
        execution_id = self.server.add("$EDGE_AGENT --version", wake=True)
        final = eventually(lambda: self.server.final(execution_id), what=self.text, seconds=PATIENCE_SECONDS)
        assert final["output"] == f"{self.runs()}\n"
        eventually(lambda: not (self.versions / "update.json").exists(), what="the end of it")
        (outcome,) = self.server.outcomes()
        return outcome


def _command_of(process):
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


@pytest.fixture
def machine(server, tmp_path, installed):
    made = Machine(server, tmp_path, installed, ["--healthy-seconds", "60", "--probation-seconds", "1"])
    made.start()
    yield made
    made.stop()


def serve(server, files, bundle, **changes):
    """Offer a bundle as the current one."""
    folder, url = files
    (folder / bundle.sha256).write_bytes(bundle.content)
    offer = {"version": bundle.version, "sha256": bundle.sha256, "size": len(bundle.content)}
    server.offers[bundle.version] = {**offer, "url": f"{url}/{bundle.sha256}", **changes}
    server.current = bundle.version


# Slow: an update with a command that is accepted meanwhile goes the same way.
@pytest.mark.slow
def test_update_to_a_good_version_installs_and_starts_it(server, files, machine, bundles):
    newer = bundles("newer")
    serve(server, files, newer)
    server.ask_for()
    assert machine.outcome() == {"status": "updated", "version": newer.version, "reason": None}
    assert machine.runs() == newer.version
    assert server.asked == [{"architecture": platform.machine()}]
    assert {path.name for path in machine.versions.iterdir()} == {machine.base, newer.version, "current"}
    registered = [request.body["version"] for request in server.seen("POST", "/agents/nodes")]
    assert registered[-1] == newer.version


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("mute", "did not report itself healthy within 8 s", marks=pytest.mark.slow),
        ("mortal", "with status 5"),
        pytest.param("broken", "nothing_of_that_name", marks=pytest.mark.slow),
    ],
)
def test_update_to_a_bad_version_goes_back_and_reports_the_reason(
    server, files, tmp_path, installed, bundles, name, reason
):
    machine = Machine(server, tmp_path, installed, ["--healthy-seconds", "8", "--probation-seconds", "30"])
    machine.start()
    try:
        serve(server, files, bundles(name))
        server.ask_for()
        outcome = machine.outcome()
        assert (outcome["status"], outcome["version"]) == ("failed", machine.base)
        assert reason in outcome["reason"]
        assert machine.runs() == machine.base
        assert not (machine.versions / bundles(name).version).exists()
    finally:
        machine.stop()


# Slow: ten starts of a real agent; tests/test_launcher_of_early_ends.py has all cases with scripts.
@pytest.mark.slow
def test_version_that_breaks_after_its_update_is_left_and_can_be_updated_to_again(server, files, machine, bundles):
    newer = bundles("newer")
    serve(server, files, newer)
    server.ask_for()
    assert machine.outcome()["status"] == "updated"
    machine.stop()
    (module,) = (machine.versions / newer.version).glob("lib/python3.*/site-packages/edge_agent/agent.py")
    module.write_text("import nothing_of_that_name")
    assert [machine.launch().wait() for _ in range(MAX_EARLY_ENDS)] == [1] * MAX_EARLY_ENDS
    machine.start()
    assert machine.runs() == machine.base
    eventually(lambda: not (machine.versions / "update.json").exists(), what=machine.text)
    assert {path.name for path in machine.versions.iterdir()} == {machine.base, newer.version, "current", "ends.json"}
    registered = [request.body["version"] for request in server.seen("POST", "/agents/nodes")]
    assert registered[-1] == machine.base
    server.ask_for()
    eventually(lambda: len(server.outcomes()) == 2, what=machine.text, seconds=PATIENCE_SECONDS)
    assert server.outcomes()[1] == {"status": "updated", "version": newer.version, "reason": None}
    assert machine.runs() == newer.version


def test_update_to_the_running_version_installs_nothing(server, files, machine, bundles):
    serve(server, files, bundles("base"))
    server.ask_for()
    assert machine.outcome() == {"status": "updated", "version": machine.base, "reason": None}
    assert not re.search("self_update.downloading", machine.text())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "SHA-256 differs"),
        # Slow: further values of one check.
        pytest.param({"size": 10}, "not the 10 bytes that were promised", marks=pytest.mark.slow),
        pytest.param({"size": 10**12}, "the server offers 1000000000000 bytes", marks=pytest.mark.slow),
        pytest.param({"url": 5}, "cannot be read", marks=pytest.mark.slow),
    ],
)
def test_update_with_an_invalid_offer_is_refused(server, files, machine, bundles, changes, reason):
    serve(server, files, bundles("newer"), **changes)
    server.ask_for()
    outcome = machine.outcome()
    assert (outcome["status"], outcome["version"]) == ("failed", machine.base)
    assert reason in outcome["reason"]


def test_update_to_an_unknown_version_reports_the_servers_text(server, machine):
    server.ask_for("9.9.9")
    assert "this stack has no such version" in machine.outcome()["reason"]
    assert server.asked == [{"architecture": platform.machine(), "version": "9.9.9"}]


def test_outcome_report_without_an_answer_is_repeated(server, machine):
    server.fail("PATCH", OUTCOME, status=503, times=2)
    server.ask_for("9.9.9")
    eventually(server.outcomes, what=machine.text)
    eventually(lambda: not (machine.versions / "update.json").exists(), what=machine.text, seconds=PATIENCE_SECONDS)
    assert len(server.outcomes()) == 3
    assert len({json.dumps(each) for each in server.outcomes()}) == 1


@pytest.mark.parametrize(
    "moment",
    [
        "installing",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("update.json", "self_update.downloading")),
        pytest.param("agent.starting", marks=pytest.mark.slow),
    ],
)
def test_update_interrupted_at_any_step_leaves_a_running_version_and_reports_it(
    server, files, machine, bundles, moment
):
    newer = bundles("newer")
    serve(server, files, newer)
    server.ask_for()
    if moment == "installing":
        eventually(lambda: list(machine.versions.glob(".staging-*/unpacked/*")), what=machine.text, seconds=60)
    elif moment == "update.json":
        eventually((machine.versions / moment).exists, what=machine.text)
    elif moment == "agent.starting":
        eventually(
            lambda: newer.version in machine.text().partition("launcher.trying")[2], what=machine.text, seconds=60
        )
    else:
        eventually(lambda: moment in machine.text(), what=machine.text)
    machine.kill()
    machine.start()
    outcome = machine.outcome()
    expected = newer.version if outcome["status"] == "updated" else machine.base
    assert outcome["version"] == machine.runs() == expected
    if moment == "agent.starting":
        assert outcome["status"] == "updated", "an interrupted trial is begun again"
    names = {path.name for path in machine.versions.iterdir()}
    assert names <= {machine.base, newer.version, "current"}, "nothing is left of what was interrupted"


@pytest.fixture
def small_disk(tmp_path):
    yield from small_file_system(tmp_path / "disk", "60m")


def test_update_without_disk_space_keeps_the_old_version(server, files, small_disk, installed, bundles):
    machine = Machine(server, small_disk, installed, [])
    machine.start()
    try:
        serve(server, files, bundles("newer"))
        server.ask_for()
        outcome = machine.outcome()
        assert (outcome["status"], outcome["version"]) == ("failed", machine.base)
        assert re.search("it needs [0-9]+ bytes of disk", outcome["reason"])
    finally:
        machine.stop()


@pytest.mark.slow
def test_update_waits_for_running_commands(server, files, machine, bundles):
    serve(server, files, bundles("newer"))
    slow = server.add("sleep 12; echo to the end", wake=True)
    eventually(lambda: server.executions[slow]["status"] == "sent", what=machine.text)
    server.ask_for()
    assert machine.outcome()["status"] == "updated"
    assert server.final(slow)["output"] == "to the end\n"


def test_command_accepted_while_an_update_waits_is_run_by_the_new_version(server, files, machine, bundles, tmp_path):
    serve(server, files, bundles("newer"))
    slow = server.add(f"until [ -e {tmp_path}/enough ]; do sleep 0.1; done", wake=True)
    eventually(lambda: server.executions[slow]["status"] == "sent", what=machine.text)
    server.ask_for()
    eventually(lambda: "self_update.installed" in machine.text(), seconds=PATIENCE_SECONDS, what=machine.text)
    later = server.add("tr '\\0' ' ' </proc/$PPID/cmdline", wake=True)
    eventually(lambda: server.executions[later]["status"] == "sent", what=machine.text)
    (tmp_path / "enough").touch()
    newer = bundles("newer").version
    assert machine.outcome() == {"status": "updated", "version": newer, "reason": None}
    assert newer in server.final(later)["output"]
    assert {path.name for path in machine.versions.iterdir()} == {machine.base, newer, "current"}
    assert [request.body["version"] for request in server.seen("POST", "/agents/nodes")][-1] == newer


def test_self_update_option_without_the_launcher_is_refused(server, tmp_path, installed):
    program = installed / "current" / "bin" / "edge-agent"
    done = subprocess.run(
        [program, "--state-dir", tmp_path / "state", "--self-update"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "ENROLLMENT_KEY": server.key()},
    )
    assert done.returncode == 2
    assert "--self-update is for an agent that its launcher starts" in done.stderr


def test_enrol_command_refused_by_the_server_keeps_the_key_file(server, tmp_path, installed):
    server.key_error = "key_spent"
    key = tmp_path / "key"
    key.write_text(server.key())
    program = installed / "current" / "bin" / "edge-agent"
    started = time.monotonic()
    done = subprocess.run(
        [program, "enrol", "--state-dir", tmp_path / "state", "--enrollment-key-file", key, "--node-id", NODE_ID],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, key.exists()) == (2, True), time.monotonic() - started
    assert "key_spent" in done.stderr
    assert server.key() not in done.stderr
