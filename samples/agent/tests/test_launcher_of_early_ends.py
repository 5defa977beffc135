"""The launcher with versions that keep ending though they have passed: which one runs, and what a cut leaves."""

import json
import os
import subprocess
from contextlib import suppress

import pytest
from edge_agent.launcher import MAX_EARLY_ENDS, STAY_DOWN_STATUS

from samples.agent.tests.support.eventually import eventually
from samples.agent.tests.support.launcher_machine import HEALTHY, RUNS, Machine, small_file_system

ENDS = "exit 7"
PAUSE = 0.02


@pytest.fixture
def machine(tmp_path):
    """A machine that runs `new`, beside which `old` is kept."""
    made = Machine(tmp_path)
    made.version("old", RUNS)
    made.version("new", ENDS)
    made.current("new")
    yield made
    made.stop()


@pytest.fixture
def small_disk(tmp_path):
    yield from small_file_system(tmp_path / "disk", "1m")


def script(machine, version, text):
    """Replace the script of a version."""
    program = machine.versions / version / "bin" / "python"
    program.write_text(f"#!/bin/sh\necho {version} $* >> {machine.started}\n{text}\n")


def restarted(machine, times, **more):
    """Start launchers one after another, as systemd does; the statuses of those that ended."""
    return [machine.launch(**{"pause": PAUSE} | more).wait() for _ in range(times)]


def noted(machine):
    with suppress(FileNotFoundError):
        return json.loads((machine.versions / "ends.json").read_text())
    return None


def note(machine, version, count, changes=0):
    content = {"version": version, "count": count, "status": 7, "changes": changes}
    (machine.versions / "ends.json").write_text(json.dumps(content))


def test_version_that_keeps_ending_is_replaced_by_the_one_that_is_kept(machine):
    assert restarted(machine, MAX_EARLY_ENDS) == [7] * MAX_EARLY_ENDS
    launcher = machine.launch()
    eventually(lambda: machine.starts() == ["new"] * MAX_EARLY_ENDS + ["old"], what="the old version")
    assert launcher.poll() is None
    assert machine.runs() == "old"
    reason = "it ended 10 times in a row soon after its start, at last with status 7"
    assert machine.read() == {"phase": "failed", "version": "new", "previous": "new", "reason": reason}
    assert (machine.versions / "new").exists(), "it has another turn if the old one keeps ending too"


def test_update_whose_outcome_is_not_reported_fails_if_its_version_keeps_ending(machine):
    machine.update("passed")
    restarted(machine, MAX_EARLY_ENDS)
    machine.launch()
    eventually(lambda: machine.starts()[-1] == "old", what="the old version")
    assert (machine.read()["phase"], machine.read()["request_id"], machine.runs()) == ("failed", "r", "old")


def test_run_of_some_minutes_between_has_ends_counted_anew(machine):
    long_run = f"[ $(wc -l < {machine.started}) -ne {MAX_EARLY_ENDS} ] || sleep 1.5"
    script(machine, "new", f"{long_run}; {ENDS}")
    restarted(machine, 2 * MAX_EARLY_ENDS - 1, early=0.5)
    assert machine.starts() == ["new"] * (2 * MAX_EARLY_ENDS - 1)


def test_count_of_before_is_forgotten_during_a_long_run(machine):
    """A power cut ends that run, and no launcher sees its end."""
    note(machine, "new", MAX_EARLY_ENDS - 1)
    script(machine, "new", RUNS)
    launcher = machine.launch(early=0.2)
    eventually(lambda: noted(machine) is None, what="the end of the count")
    assert launcher.poll() is None


@pytest.mark.parametrize(("status", "told"), [(0, 0), (2, STAY_DOWN_STATUS)], ids=["in order", "for a person"])
def test_end_without_an_error_of_the_version_is_not_counted(machine, status, told):
    script(machine, "new", f"exit {status}")
    assert restarted(machine, MAX_EARLY_ENDS + 1) == [told] * (MAX_EARLY_ENDS + 1)
    assert machine.starts() == ["new"] * (MAX_EARLY_ENDS + 1)


def test_stop_of_the_service_is_not_counted(machine):
    script(machine, "new", "trap 'exit 1' TERM; while :; do sleep 0.02; done")
    launcher = machine.launch()
    eventually(lambda: machine.starts() == ["new"], what="the start")
    launcher.terminate()
    assert launcher.wait(10) == 1
    assert noted(machine) is None


def test_version_that_cannot_be_started_is_replaced_by_the_one_that_is_kept(machine):
    (machine.versions / "new" / "bin" / "python").chmod(0o644)
    assert restarted(machine, MAX_EARLY_ENDS) == [1] * MAX_EARLY_ENDS
    machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the old version")


def test_kept_version_whose_python_is_gone_takes_the_place_once_it_is_installed_again(machine, tmp_path):
    program = machine.versions / "old" / "bin" / "python"
    program.rename(tmp_path / "ran before")
    installer = machine.versions / "old" / "lib" / "python3.9" / "site-packages" / "edge_agent" / "bundles.py"
    installer.parent.mkdir(parents=True)
    installer.write_text(f"import os; os.replace({str(tmp_path / 'ran before')!r}, {str(program)!r})")
    restarted(machine, MAX_EARLY_ENDS)
    machine.launch()
    eventually(lambda: machine.starts()[-1] == "old", what="the old version")
    assert machine.runs() == "old"


def test_version_that_keeps_ending_without_another_is_started_again_and_again(machine):
    machine.current("old")
    script(machine, "old", ENDS)
    (machine.versions / "new" / "bundle.json").unlink()  # an installation that was cut
    assert restarted(machine, MAX_EARLY_ENDS + 2) == [7] * (MAX_EARLY_ENDS + 2)
    assert machine.starts() == ["old"] * (MAX_EARLY_ENDS + 2)
    assert machine.read() == {}


def test_two_versions_that_keep_ending_take_turns_after_longer_pauses(machine, tmp_path):
    script(machine, "old", ENDS)
    log = tmp_path / "log"
    restarted(machine, 4 * MAX_EARLY_ENDS + 1, log=log)
    turns = [*["new"] * MAX_EARLY_ENDS, *["old"] * MAX_EARLY_ENDS]
    assert machine.starts() == [*turns, *turns, "new"]
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["after_seconds"] for line in told] == [0.0, PAUSE, 2 * PAUSE, 4 * PAUSE]
    script(machine, "new", RUNS)
    machine.launch(early=0.2)
    eventually(lambda: noted(machine) is None, what="the end of the turns")
    assert (machine.starts()[-1], machine.runs()) == ("new", "new")


def test_launcher_that_waits_before_another_turn_stops_when_asked(machine, tmp_path):
    note(machine, "new", MAX_EARLY_ENDS, changes=1)
    log = tmp_path / "log"
    launcher = machine.launch(log=log)
    told = json.loads(eventually(lambda: log.exists() and log.read_text(), what="a line of the log"))
    assert told["after_seconds"] == 10.0
    launcher.terminate()
    assert launcher.wait(10) == 0
    assert machine.starts() == []


def test_version_that_waits_to_be_tried_does_not_take_the_place_of_the_kept_one(machine):
    machine.version("untried", RUNS)
    for number, name in enumerate(("old", "new", "untried")):
        os.utime(machine.versions / name, (number, number))
    machine.update("installing", version="untried", previous="new")
    restarted(machine, MAX_EARLY_ENDS)
    machine.launch()
    eventually(lambda: machine.starts()[-1] == "old", what="the old version")


@pytest.mark.parametrize("content", ["", "{", "\x00" * 20, '{"version": "new"}', '{"version": "new", "count": []}'])
def test_torn_count_begins_from_none(machine, content):
    (machine.versions / "ends.json").write_text(content)
    restarted(machine, MAX_EARLY_ENDS)
    machine.launch()
    eventually(lambda: machine.starts() == ["new"] * MAX_EARLY_ENDS + ["old"], what="the old version")


# -- power cuts -------------------------------------------------------------------------------------------------------


def test_power_cut_between_verdict_and_switch_repeats_both(machine):
    note(machine, "new", MAX_EARLY_ENDS)
    machine.update("failed", previous="new")
    machine.launch()
    eventually(lambda: machine.starts() == ["old"], what="the old version")
    assert (machine.runs(), noted(machine)["version"]) == ("old", "old")


def test_power_cut_between_switch_and_count_runs_the_kept_version(machine):
    note(machine, "new", MAX_EARLY_ENDS)
    machine.current("old")
    script(machine, "old", ENDS)
    restarted(machine, 1)
    assert machine.starts() == ["old"]
    assert (noted(machine)["version"], noted(machine)["count"]) == ("old", 1)


def test_launchers_killed_at_any_moment_leave_the_kept_version_running(machine):
    for number in range(12):
        machine.current("new")
        note(machine, "new", MAX_EARLY_ENDS)
        launcher = machine.launch()
        with suppress(subprocess.TimeoutExpired):
            launcher.wait(0.03 + number * 0.01)
        launcher.kill()
        launcher.wait()
        after = machine.launch()
        eventually(lambda: machine.starts()[-1:] == ["old"] and machine.runs() == "old", what="the old version")
        after.kill()
        after.wait()
    assert "new" not in machine.starts()


# -- disks that take nothing ------------------------------------------------------------------------------------------


def test_versions_on_a_disk_that_takes_nothing_are_counted_in_memory(small_disk, tmp_path):
    machine = Machine(small_disk)
    machine.started = tmp_path / "started"
    try:
        machine.version("old", RUNS)
        machine.version("new", ENDS)
        machine.current("new")
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        launcher = machine.launch(pause=PAUSE)
        eventually(lambda: machine.starts() == ["new"] * MAX_EARLY_ENDS + ["old"], what="the old version")
        assert launcher.poll() is None
    finally:
        machine.stop()


def test_versions_that_keep_ending_on_a_disk_that_takes_nothing_take_turns(small_disk, tmp_path):
    machine = Machine(small_disk)
    machine.started = tmp_path / "started"
    try:
        machine.version("old", ENDS)
        machine.version("new", ENDS)
        machine.current("new")
        machine.update("passed")
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        machine.launch(pause=PAUSE)
        turns = [*["new"] * MAX_EARLY_ENDS, *["old"] * MAX_EARLY_ENDS]
        eventually(lambda: machine.starts()[: 2 * len(turns)] == [*turns, *turns], what="two turns of each")
    finally:
        machine.stop()


def test_version_that_keeps_ending_on_a_full_disk_is_replaced_and_reported(small_disk, tmp_path):
    machine = Machine(small_disk)
    machine.started = tmp_path / "started"
    try:
        machine.version("old", RUNS)
        machine.version("new", ENDS)
        machine.current("new")
        machine.update("passed")
        with suppress(OSError), (small_disk / "rubbish").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        machine.launch(pause=PAUSE)
        eventually(lambda: machine.starts()[-1:] == ["old"], what="the old version")
        assert (machine.read()["phase"], machine.read()["request_id"]) == ("failed", "r")
    finally:
        machine.stop()


# -- afterwards -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["new", "newer"], ids=["of the same name", "of another"])
def test_update_ordered_after_a_change_of_versions_is_tried_and_passes(machine, version):
    restarted(machine, MAX_EARLY_ENDS)
    prepared = json.dumps({"phase": "prepared", "version": version, "previous": "old"})
    replaced = "mv $EDGE_AGENT_VERSIONS/.new $EDGE_AGENT_VERSIONS/update.json"  # whole, as an agent writes it
    script(machine, "old", f"echo '{prepared}' > $EDGE_AGENT_VERSIONS/.new; {replaced}; exit 0")
    if version == "newer":
        machine.version("newer", HEALTHY)
    script(machine, version, HEALTHY)
    launcher = machine.launch(probation=0.1)
    eventually(lambda: machine.read().get("phase") == "passed" and machine.runs() == version, what="the verdict")
    eventually(lambda: noted(machine) is None, what="the end of the count")
    assert launcher.poll() is None
    assert machine.starts()[-2:] == ["old", version]
