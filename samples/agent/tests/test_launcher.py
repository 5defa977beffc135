"""The launcher with versions that are scripts: which of two runs after an update, with errors at any step."""

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
from edge_agent.launcher import MAX_STARTS, STAY_DOWN_STATUS

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.launcher_machine import DIES_LATER, HEALTHY, RUNS, Machine, small_file_system


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def small_disk(tmp_path):
    yield from small_file_system(tmp_path / "disk", "1m")


def test_launcher_starts_the_current_version_and_returns_its_status(machine):
    machine.version("old", "exit 7")
    machine.current("old")
    assert machine.launch("--state-dir", "/x", "--self-update").wait() == 7
    assert machine.started.read_text() == "old -I -m edge_agent --state-dir /x --self-update\n"


@pytest.mark.parametrize("phase", [None, "prepared"], ids=["alone", "after an update"])
def test_agent_that_needs_somebody_has_the_launcher_stay_down(machine, phase):
    machine.version("old", "exit 2")
    machine.current("old")
    if phase is not None:
        machine.version("new", "exit 2")
        machine.update(phase)
    assert machine.launch().wait() == STAY_DOWN_STATUS


def test_launcher_stopped_by_a_signal_stops_the_agent(machine):
    machine.version("old", RUNS)
    machine.current("old")
    launcher = machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the start")
    launcher.terminate()
    assert launcher.wait(10) == 0


def test_agent_whose_launcher_died_before_its_start_ends(machine):
    path = f"import sys; sys.path.insert(0, {str(machine.program)!r})"
    code = f"{path}; from edge_agent.launcher import die_with_parent; die_with_parent(2**22); print('runs')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_agent_of_a_killed_launcher_is_killed(machine, tmp_path):
    machine.version("old", f"echo $$ > {tmp_path}/pid; {RUNS}")
    machine.current("old")
    launcher = machine.launch()
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), what="its id"))
    launcher.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists(), what="the agent's end")


def test_healthy_new_version_becomes_the_current_one(machine):
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
def test_new_version_that_fails_its_probation_is_replaced_by_the_old_one(machine, script, reason):
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


def test_health_mark_of_an_earlier_version_does_not_count(machine):
    machine.version("old", RUNS)
    machine.version("new", RUNS)
    machine.current("old")
    machine.update("prepared")
    (machine.versions / "healthy").touch()
    machine.launch(healthy=0.3, probation=0.0)
    eventually(lambda: machine.starts()[-1:] == ["old"], what="the old version")


def test_missing_new_version_is_given_up(machine):
    machine.version("old", RUNS)
    machine.current("old")
    machine.update("prepared")
    machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the old version")
    assert machine.read()["reason"] == "it is not installed"


def test_agent_that_ends_for_an_update_is_followed_by_the_new_version(machine):
    prepared = json.dumps({"phase": "prepared", "version": "new", "previous": "old"})
    machine.version("old", f"echo '{prepared}' > $EDGE_AGENT_VERSIONS/update.json; exit 0")
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.launch(probation=0.1)
    eventually(lambda: machine.read().get("phase") == "passed", what="the verdict")
    assert machine.starts() == ["old", "new"]


# -- power cuts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["installing", "failed", "something else"])
def test_power_cut_outside_the_probation_runs_the_current_version(machine, phase):
    machine.version("old", RUNS)
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.update(phase)
    machine.launch(probation=0.0)
    eventually(lambda: machine.starts() == ["old"], what="the old version")
    assert machine.read()["phase"] == phase


def test_power_cut_between_verdict_and_switch_runs_the_new_version(machine):
    machine.version("old", RUNS)
    machine.version("new", RUNS)
    machine.current("old")
    machine.update("passed")
    machine.launch()
    eventually(lambda: machine.starts() == ["new"], what="the new version")
    assert machine.runs() == "new"


def test_power_cut_during_the_probation_restarts_it(machine):
    machine.version("old", RUNS)
    machine.version("new", HEALTHY)
    machine.current("old")
    machine.update("trying", starts=1)
    machine.launch(probation=0.2)
    eventually(lambda: machine.read()["phase"] == "passed", what="the verdict")


def test_version_with_repeated_power_cuts_is_given_up(machine):
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


def test_launcher_killed_at_any_moment_recovers_with_one_of_the_versions(machine):
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


def test_dangling_current_link_runs_the_version_installed_last(machine):
    machine.version("older", RUNS)
    machine.version("newer", RUNS)
    os.utime(machine.versions / "older", (1, 1))
    machine.current("gone")
    machine.launch()
    eventually(lambda: machine.starts() == ["newer"], what="a version")


@pytest.mark.parametrize("python", ["/nowhere/python3.9", "python3.10"], ids=["removed", "replaced"])
def test_version_whose_python_the_distribution_has_replaced_is_installed_again(machine, tmp_path, python):
    machine.version("old", "exit 7")
    machine.current("old")
    folder = machine.versions / "old"
    program = folder / "bin" / "python"
    program.rename(tmp_path / "ran before")
    (tmp_path / "python3.10").write_text("")
    program.symlink_to(tmp_path / python)
    installer = folder / "lib" / "python3.9" / "site-packages" / "edge_agent" / "bundles.py"
    installer.parent.mkdir(parents=True)
    again = f"import os, sys; os.replace({str(tmp_path / 'ran before')!r}, sys.argv[2] + '/bin/python')"
    installer.write_text(f"{again}; assert sys.argv[1] == '--again'")
    assert machine.launch().wait() == 7
    assert machine.starts() == ["old"]


def test_version_that_cannot_be_installed_again_is_tried_after_a_pause(machine, tmp_path):
    machine.version("old", RUNS)
    machine.current("old")
    (machine.versions / "old" / "bin" / "python").unlink()
    log = tmp_path / "log"
    launcher = machine.launch(log=log)
    told = json.loads(eventually(lambda: [each for each in log.read_text().splitlines() if "{" in each], what="it")[0])

    assert (told["event"], told["again_after_seconds"]) == ("launcher.not_made_anew", 10.0)
    launcher.terminate()
    assert launcher.wait(10) == 0


def test_launcher_without_a_version_ends(machine):
    assert machine.launch().wait() == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"phase": "prepared"}', "\x00" * 20])
def test_damaged_update_file_is_ignored(machine, content):
    machine.version("old", RUNS)
    machine.current("old")
    (machine.versions / "update.json").write_text(content)
    machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the old version")


def test_version_that_fills_the_disk_is_replaced_and_reported(small_disk):
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


def test_disk_full_before_the_probation_keeps_the_old_version(small_disk):
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
def test_read_only_disk_runs_a_version_and_tries_no_other(small_disk, tmp_path, phase, runs):
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


def test_update_prepared_after_a_lost_verdict_is_tried(machine):
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
