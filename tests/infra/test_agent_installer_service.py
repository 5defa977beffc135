"""The installer on a machine with a service: when it stops the agent, and what a cut at any moment leaves. The machine
is a folder, its systemctl a script that notes its arguments, the agent a few lines of shell."""

import hashlib
import io
import json
import os
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from edge_agent.launcher import AGENT_FAILED_STATUS, STAY_DOWN_STATUS

from infra.agent_bundle import PYTHONS, launcher_program
from infra.package import ROOT

SCRIPT = ROOT / "chalicelib" / "fleet" / "api" / "agent" / "install.sh"
AGENT = ROOT / "samples" / "agent"
VERSION = "0.2.0+bnew"
OLD_LAUNCHER = "# the launcher of before\n"
# In place of the agent's own: it puts a program there that enrols by doing nothing.
BUNDLES = f"""
import pathlib, sys
program = pathlib.Path(sys.argv[-1]) / "{VERSION}" / "bin" / "edge-agent"
program.parent.mkdir(parents=True)
program.write_text('#!/bin/sh\\neval "$ENROL"\\n')
program.chmod(0o755)
"""
CALLS = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n'


class Machine:
    """A machine whose agent runs, and is enrolled."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "machine"
        self.base = self.root / "opt" / "edge-agent"
        self.calls_file = folder / "calls"
        self.unit = self.root / "etc" / "systemd" / "system" / "edge-agent.service"
        self._write("var/lib/edge-agent/identity.json", json.dumps({"api_token": "token"}))
        self._write("opt/edge-agent/launcher.py", OLD_LAUNCHER)
        self._write(f"opt/edge-agent/versions/{VERSION}/bin/python", "")
        self._write("etc/systemd/system/edge-agent.service", "[Service]\nUser=root\n")
        self.cgroup("/user.slice/session-1.scope")
        self._archive()
        self.tool("systemctl")
        self.tool("chown")
        self.tool("sync")
        self.tool("id", "echo 0")

    def tool(self, name, *lines):
        """Put a program before the system's, which notes that it was called and then runs these lines."""
        program = self.folder / "tools" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(CALLS + "".join(f"{line}\n" for line in lines))
        program.chmod(0o755)

    def cgroup(self, name):
        self._write("proc/self/cgroup", f"0::{name}\n")

    def run(self, *arguments, enrol="true", **variables):
        """Run the script of a control plane that offers the archive; the calls of tools are then in `calls`."""
        text = SCRIPT.read_text().replace("@PUBLIC_URL@", "http://127.0.0.1:9")
        text = text.replace("$root/", f"$root{self.root}/").replace("/root/* | /home/*", "/nowhere/*")
        script = self.folder / "install.sh"
        script.write_text(text)
        path = f"{self.folder}/tools:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "TMPDIR": str(self.folder), "CALLS": str(self.calls_file), "ENROL": enrol}
        return subprocess.run(
            ["sh", script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment | variables,
        )

    @property
    def service_calls(self):
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [line.removeprefix("systemctl ") for line in lines if line.startswith("systemctl ")]

    def _write(self, name, text):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def _archive(self):
        archive = self.folder / "archive"
        with tarfile.open(archive, "w:gz") as made:
            for name in ("edge-agent.service", "as-root.conf"):
                made.add(AGENT / name, name)
            for name, content in {"launcher.py": launcher_program(), "bundles.py": BUNDLES.encode()}.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                made.addfile(info, io.BytesIO(content))
        content = archive.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        offer = {"version": VERSION, "sha256": sha256, "size": len(content), "url": "u", "pythons": PYTHONS}
        (self.folder / "offer").write_text(json.dumps({"data": offer}))
        # Saves the archive where it is to be saved somewhere, else answers with the offer.
        wanted = f'[ "$before" != --output ] || exec cp {archive} "$each"'
        self.tool("curl", "before=", f"for each; do {wanted}; before=$each; done", f"cat {self.folder}/offer")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


IN_SERVICE = [
    pytest.param({"EDGE_EXECUTION_ID": "e"}, "/user.slice/session-1.scope", id="a command"),
    pytest.param({}, "/system.slice/edge-agent.service", id="a session, or a command below sudo"),
]


@pytest.mark.parametrize(("variables", "cgroup"), IN_SERVICE)
def test_installer_run_by_the_agent_itself_never_stops_it(machine, variables, cgroup):
    """A stop would kill the script before its end, and nothing would start the agent again."""
    machine.cgroup(cgroup)
    done = machine.run(**variables)
    assert done.returncode == 0, done.stderr
    assert machine.service_calls == ["daemon-reload", "enable --quiet edge-agent", "--no-block restart edge-agent"]
    assert (machine.base / "versions" / "current").readlink() == Path(VERSION)


def test_installer_run_by_the_agent_with_a_key_changes_nothing_and_says_why(machine):
    key = machine.folder / "key"
    key.write_text("key")
    done = machine.run("--key-file", str(key), EDGE_EXECUTION_ID="e")
    assert done.returncode == 1
    assert "the agent itself runs this" in done.stderr
    assert "systemd-run" in done.stderr
    assert machine.service_calls == []
    assert (machine.base / "launcher.py").read_text() == OLD_LAUNCHER
    assert key.exists()


def test_key_that_was_left_on_an_enrolled_machine_does_not_hinder_its_agent(machine):
    left = machine.root / "etc" / "edge-agent" / "enrollment.key"
    left.parent.mkdir()
    left.write_text("key")
    done = machine.run(EDGE_EXECUTION_ID="e")
    assert done.returncode == 0, done.stderr
    assert machine.service_calls[-1] == "--no-block restart edge-agent"


def test_installer_without_a_key_leaves_the_agent_running_until_its_restart(machine):
    assert machine.run().returncode == 0
    assert machine.service_calls == ["daemon-reload", "enable --quiet edge-agent", "restart edge-agent"]


@pytest.mark.parametrize(("enrol", "status"), [("exit 1", 1), ("kill -TERM $PPID; sleep 0.2", 1)])
def test_agent_that_was_stopped_to_enrol_runs_again_however_that_ends(machine, enrol, status):
    key = machine.folder / "key"
    key.write_text("key")
    done = machine.run("--key-file", str(key), enrol=enrol)
    assert done.returncode == status
    stopped, *_, last = [call for call in machine.service_calls if not call.startswith("--quiet")]
    assert stopped == "stop edge-agent"
    assert last in {"start edge-agent", "restart edge-agent"}


def test_files_of_the_service_are_whole_on_disk_before_they_are_used(machine):
    """A power cut leaves files that were not synced empty: an empty launcher ends with 0, and runs no agent."""
    machine.tool("sync", f"cp {machine.base}/launcher.py {machine.unit} {machine.folder}", "exit 0")
    machine.tool("mv", '[ "$1" = -T ] || exit 1', 'exec /bin/mv "$@"')
    assert machine.run().returncode == 0
    assert (machine.folder / "launcher.py").read_text() == OLD_LAUNCHER
    assert "launcher.py" not in (machine.folder / "edge-agent.service").read_text()
    assert (machine.base / "launcher.py").read_bytes() == launcher_program()
    assert "/opt/edge-agent/launcher.py" in machine.unit.read_text()
    calls = [line for line in machine.calls_file.read_text().splitlines() if line.startswith(("sync", "mv"))]
    assert [call.partition(" ")[0] for call in calls] == ["sync"] + ["mv"] * (len(calls) - 1)


def start_of_service(machine, folder):
    """Start the launcher as systemd would, with the programs of a folder. The status, and the Python that it has."""
    (line,) = [line for line in machine.unit.read_text().splitlines() if line.startswith("ExecStart=")]
    launcher = machine.folder / "launcher-of-test.py"
    launcher.write_text('import os, sys; print(os.environ["STARTED_BY"], sys.argv[1:])')
    words = shlex.split(line.removeprefix("ExecStart=").replace("$$", "$"))
    words = [str(launcher) if word == "/opt/edge-agent/launcher.py" else word for word in words]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={"PATH": str(folder)})
    assert not done.stdout or "'--versions', '/opt/edge-agent/versions', '--', '--state-dir'" in done.stdout
    return done.returncode, done.stdout.partition(" ")[0]


@pytest.mark.parametrize(("left", "status"), [("python3.12", 0), ("python3", 0), ("", 1)])
def test_service_starts_by_another_python_once_that_of_its_installation_is_gone(machine, left, status):
    def add_python(name, *lines):
        (tools / name).write_text(
            "\n".join(["#!/bin/sh", *lines, f"export STARTED_BY={name}", f'exec {sys.executable} "$@"'])
        )
        (tools / name).chmod(0o755)

    tools = machine.folder / "tools"
    add_python("python3.14")
    assert machine.run().returncode == 0
    assert f"for python in {tools}/python3.14 " in machine.unit.read_text()
    assert start_of_service(machine, tools) == (0, "python3.14")
    (tools / "python3.14").unlink()
    add_python("python3.11", "exit 1")
    if left:
        add_python(left)
    assert start_of_service(machine, tools) == (status, left)


def test_service_stays_down_after_the_launchers_own_status_alone():
    """Python's own status where it cannot read the launcher is 2."""
    (line,) = [line for line in (AGENT / "edge-agent.service").read_text().splitlines() if "PreventExitStatus" in line]
    assert line == f"RestartPreventExitStatus={STAY_DOWN_STATUS}"
    done = subprocess.run([sys.executable, "-I", "/nowhere/launcher.py"], capture_output=True, check=False)
    assert done.returncode == AGENT_FAILED_STATUS
    assert done.returncode != STAY_DOWN_STATUS
