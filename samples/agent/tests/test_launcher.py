"""The launcher with versions that are scripts: which of two runs in the end, whatever happens in between."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from edge_agent.launcher import MAX_STARTS

from samples.agent.tests.support.eventually import eventually

LAUNCHER = Path(__file__).parents[1] / "edge_agent" / "launcher.py"

RUNS = "trap 'exit 0' TERM; while :; do sleep 0.02; done"
HEALTHY = f"touch $EDGE_AGENT_VERSIONS/healthy; {RUNS}"
DIES_LATER = "touch $EDGE_AGENT_VERSIONS/healthy; sleep 0.3; exit 9"


class Machine:
    """A folder of versions, and the launcher on it."""

    def __init__(self, folder):
        self.versions = folder / "versions"
        self.started = folder / "started"
        self.versions.mkdir()
        self.launchers = []

    def version(self, name, script):
        """What notes its start, and does what the script says."""
        program = self.versions / name / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho {name} $* >> {self.started}\n{script}\n")
        program.chmod(0o755)
        (self.versions / name / "bundle.json").write_text("{}")

    def current(self, name):
        link = self.versions / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(name)

    def update(self, phase, **more):
        update = {"phase": phase, "version": "new", "previous": "old", "request_id": "r", **more}
        (self.versions / "update.failed.json").write_text(json.dumps({**update, "phase": "failed", "reason": "full"}))
        (self.versions / "update.json").write_text(json.dumps(update))

    def read(self):
        try:
            return json.loads((self.versions / "update.json").read_text())
        except FileNotFoundError:
            return {}

    def launch(self, *arguments, healthy=30.0, probation=30.0):
        times = ["--healthy-seconds", str(healthy), "--probation-seconds", str(probation)]
        command = [sys.executable, "-I", LAUNCHER, "--versions", self.versions, *times, "--", *arguments]
        launcher = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.launchers.append(launcher)
        return launcher

    def starts(self):
        lines = self.started.read_text().splitlines() if self.started.exists() else []
        return [line.split()[0] for line in lines]

    def runs(self):
        return str((self.versions / "current").readlink())

    def stop(self):
        for launcher in self.launchers:
            if launcher.poll() is None:
                launcher.kill()
            launcher.wait()


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.stop()


def test_it_starts_the_current_version_with_the_agents_options_and_ends_with_it(machine):
    machine.version("old", "exit 7")
    machine.current("old")
    assert machine.launch("--state-dir", "/x", "--self-update").wait() == 7
    assert machine.started.read_text() == "old -I -m edge_agent --state-dir /x --self-update\n"


def test_its_end_is_the_agents_end(machine):
    machine.version("old", RUNS)
    machine.current("old")
    launcher = machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the start")
    launcher.terminate()
    assert launcher.wait(10) == 0


def test_the_agent_does_not_outlive_a_launcher_that_was_killed(machine, tmp_path):
    machine.version("old", f"echo $$ > {tmp_path}/pid; {RUNS}")
    machine.current("old")
    launcher = machine.launch()
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), what="its id"))
    launcher.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists(), what="the agent's end")


def test_a_version_that_reports_healthy_and_stays_alive_becomes_the_current_one(machine):
    machine.version("old", f"{RUNS}")
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.update("prepared")
    launcher = machine.launch(probation=0.2)
    eventually(lambda: machine.read()["phase"] == "passed" and machine.runs() == "new", what="the verdict")
    assert launcher.poll() is None
    assert machine.starts() == ["new"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (RUNS, "did not report itself healthy within"),
        ("exit 3", "with status 3"),
        (DIES_LATER, "with status 9"),
        ("kill -9 $$", "with status -9"),
        ("trap '' TERM; sleep 1; exit 0", "did not report itself healthy within"),
    ],
    ids=["never reports", "ends at once", "dies after a while", "is killed", "does not end when asked"],
)
def test_a_version_that_does_not_prove_itself_is_replaced_by_the_one_before(machine, script, reason):
    machine.version("old", RUNS)
    machine.version("new", script)
    machine.current("old")
    machine.update("prepared")
    launcher = machine.launch(healthy=0.5)
    eventually(lambda: machine.starts()[-1:] == ["old"], what="the old version")
    update = machine.read()
    assert (update["phase"], update["request_id"], machine.runs()) == ("failed", "r", "old")
    assert reason in update["reason"]
    assert launcher.poll() is None
    assert not (machine.versions / "new").exists()


def test_a_mark_of_an_earlier_version_makes_no_new_one_healthy(machine):
    machine.version("old", RUNS)
    machine.version("new", RUNS)
    machine.current("old")
    machine.update("prepared")
    (machine.versions / "healthy").touch()
    machine.launch(healthy=0.3, probation=0.0)
    eventually(lambda: machine.starts()[-1:] == ["old"], what="the old version")


def test_a_version_that_is_not_there_is_no_reason_to_stop(machine):
    machine.version("old", RUNS)
    machine.current("old")
    machine.update("prepared")
    machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the old version")
    assert machine.read()["reason"] == "it is not installed"


def test_an_agent_that_ends_for_an_update_is_followed_by_the_new_version(machine):
    prepared = json.dumps({"phase": "prepared", "version": "new", "previous": "old"})
    machine.version("old", f"echo '{prepared}' > $EDGE_AGENT_VERSIONS/update.json; exit 0")
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.launch(probation=0.1)
    eventually(lambda: machine.read().get("phase") == "passed", what="the verdict")
    assert machine.starts() == ["old", "new"]


# -- power lost -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["installing", "failed", "something else"])
def test_after_a_power_cut_before_the_trial_or_after_it_the_current_version_runs(machine, phase):
    machine.version("old", RUNS)
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.update(phase)
    machine.launch(probation=0.0)
    eventually(lambda: machine.starts() == ["old"], what="the old version")
    assert machine.read()["phase"] == phase


def test_after_a_power_cut_between_verdict_and_switch_the_new_version_runs(machine):
    machine.version("old", RUNS)
    machine.version("new", RUNS)
    machine.current("old")
    machine.update("passed")
    machine.launch()
    eventually(lambda: machine.starts() == ["new"], what="the new version")
    assert machine.runs() == "new"


def test_after_a_power_cut_on_probation_it_is_tried_again_from_the_beginning(machine):
    machine.version("old", RUNS)
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.update("trying", starts=1)
    machine.launch(probation=0.2)
    eventually(lambda: machine.read()["phase"] == "passed", what="the verdict")


def test_a_version_under_which_the_power_goes_again_and_again_is_given_up(machine):
    machine.version("old", RUNS)
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.update("prepared")
    for start in range(MAX_STARTS):
        launcher = machine.launch()
        eventually(lambda: len(machine.starts()) == start + 1, what="a start")  # noqa: B023 - looked at now
        launcher.kill()
        launcher.wait()
    machine.launch()
    eventually(lambda: machine.starts() == ["new"] * MAX_STARTS + ["old"], what="the old version")
    assert machine.read()["phase"] == "failed"


def test_killed_at_any_moment_it_comes_back_with_one_of_the_two_and_says_which(machine):
    machine.version("old", RUNS)
    machine.version("new", HEALTHY)
    for round_number in range(12):
        machine.current("old")
        machine.update("prepared")
        launcher = machine.launch(probation=0.05)
        time.sleep(round_number * 0.02)
        launcher.send_signal(signal.SIGKILL)
        launcher.wait()
        after = machine.launch(probation=0.05)
        eventually(lambda: machine.read()["phase"] in {"passed", "failed"}, what="a verdict")
        eventually(lambda: machine.runs() == ("new" if machine.read()["phase"] == "passed" else "old"), what="it")
        assert after.poll() is None
        after.kill()
        after.wait()


# -- odd states -------------------------------------------------------------------------------------------------------


def test_where_current_leads_nowhere_the_version_that_was_installed_last_runs(machine):
    machine.version("older", RUNS)
    machine.version("newer", RUNS)
    os.utime(machine.versions / "older", (1, 1))
    machine.current("gone")
    machine.launch()
    eventually(lambda: machine.starts() == ["newer"], what="a version")


def test_without_any_version_it_says_so_and_ends(machine):
    assert machine.launch().wait() == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"phase": "prepared"}', "\x00" * 20])
def test_a_damaged_file_is_no_update(machine, content):
    machine.version("old", RUNS)
    machine.current("old")
    (machine.versions / "update.json").write_text(content)
    machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the old version")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte, where this process may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_version_that_fills_the_disk_is_replaced_and_the_request_hears_of_it(small_disk):
    machine = Machine(small_disk)
    try:
        machine.version("old", RUNS)
        fill = f"cat /dev/zero > {small_disk}/rubbish 2>/dev/null; {RUNS}"
        machine.version("new", fill)
        machine.current("old")
        machine.update("prepared")
        machine.launch(healthy=0.5)
        eventually(lambda: machine.read().get("phase") == "failed", what="the verdict, on a full disk")
        assert (machine.read()["request_id"], machine.runs()) == ("r", "old")
        assert shutil.disk_usage(small_disk).free == 0 or machine.read()["reason"]
    finally:
        machine.stop()


def test_a_disk_that_is_full_before_the_trial_keeps_the_old_version(small_disk):
    machine = Machine(small_disk)
    try:
        machine.version("old", RUNS)
        machine.version("new", HEALTHY)
        machine.current("old")
        machine.update("prepared")
        with suppress(OSError), (small_disk / "rubbish").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        machine.launch()
        eventually(lambda: machine.read().get("phase") == "failed", what="the verdict")
        assert machine.runs() == "old"
    finally:
        machine.stop()


@pytest.mark.parametrize(
    ("phase", "runs"), [("prepared", "old"), ("trying", "old"), ("passed", "new"), ("failed", "old")]
)
def test_on_a_disk_that_went_read_only_a_version_runs_and_no_other_is_tried(small_disk, tmp_path, phase, runs):
    machine = Machine(small_disk)
    machine.started = tmp_path / "started"
    try:
        machine.version("old", RUNS)
        machine.version("new", RUNS)
        machine.current("old")
        machine.update(phase)
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        launcher = machine.launch()
        eventually(lambda: machine.starts() == [runs], what="a version")
        launcher.terminate()
        assert launcher.wait(10) == 0
        assert machine.starts() == [runs]
    finally:
        machine.stop()


def test_an_update_that_is_prepared_after_one_whose_verdict_was_lost_is_tried(machine):
    second = json.dumps({"phase": "prepared", "version": "new", "previous": "old", "request_id": "r2"})
    disk_recovers = "while [ -d $EDGE_AGENT_VERSIONS/.update.json ]; do sleep 0.02; done"
    machine.version("old", f"{disk_recovers}; echo '{second}' > $EDGE_AGENT_VERSIONS/update.json; exit 0")
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.update("prepared", version="not installed")
    (machine.versions / ".update.json").mkdir()  # no verdict can be written
    (machine.versions / "update.failed.json").unlink()
    machine.launch(probation=0.1)
    eventually(lambda: machine.starts()[:1] == ["old"], what="the version before")
    (machine.versions / ".update.json").rmdir()
    eventually(lambda: machine.starts()[-1:] == ["new"], what="the second update")
