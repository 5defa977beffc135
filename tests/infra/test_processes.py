"""What `make up` starts ends with it, however it ends."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from infra.local.processes import GUARD, GuardedProcess
from tests.infra.waiting import eventually

SLEEPER = [sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(600)"]

STUBBORN = [
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def in_session(session):
    """The processes of a session, dead ones that wait for their parent not counted."""
    rows = subprocess.run(["ps", "-A", "-o", "sess=,stat="], capture_output=True, text=True, check=True).stdout
    pairs = [row.split() for row in rows.splitlines()]
    return [stat for number, stat in pairs if number == str(session) and not stat.startswith("Z")]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "output"


def start(command, log, tmp_path, **options):
    with log.open("wb") as output:
        process = GuardedProcess(
            command, environment={"PATH": os.environ["PATH"]}, output=output, folder=tmp_path, **options
        )
    eventually(lambda: "up" in log.read_text())
    return process


def test_stopped_process_ends_its_group_and_removes_its_folder(log, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    process = start(SLEEPER, log, tmp_path, remove=folder)
    assert len(in_session(process.session)) == 2

    process.stop()

    assert not process.running
    assert not in_session(process.session)
    assert not folder.exists()
    process.stop()


def test_process_that_ends_by_itself_ends_its_guard(log, tmp_path):
    process = start([sys.executable, "-S", "-c", "print('up', flush=True)"], log, tmp_path)

    eventually(lambda: not process.running)
    assert not in_session(process.session)
    process.stop()


@pytest.mark.parametrize("grace_seconds", [0, 0.2])
def test_process_that_ignores_sigterm_is_killed(log, tmp_path, grace_seconds):
    process = start(STUBBORN, log, tmp_path, grace_seconds=grace_seconds)

    process.stop()

    assert not in_session(process.session)


def test_killed_process_gets_no_grace_and_leaves_no_child(log, tmp_path):
    process = start(STUBBORN, log, tmp_path, grace_seconds=600)

    process.kill()

    assert not in_session(process.session)
    process.kill()


def test_stopped_process_may_tidy_up_within_its_grace(log, tmp_path):
    tidy = "trap 'echo tidied; exit' TERM; echo up; while :; do sleep 0.05; done"
    process = start(["/bin/sh", "-c", tidy], log, tmp_path, grace_seconds=600)

    process.stop()

    assert log.read_text().endswith("tidied\n")


def test_folder_is_removed_while_its_process_still_writes_to_it(log, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    fill = f"trap '' TERM; echo up; n=0; while :; do n=$((n+1)); mkdir -p {folder}; : > {folder}/$n; done"
    process = start(["/bin/sh", "-c", fill], log, tmp_path, remove=folder, grace_seconds=0.1)

    process.stop()

    assert not folder.exists()


def test_killed_parent_ends_the_process_group(tmp_path):
    """By SIGKILL, which leaves the parent no chance."""
    log = tmp_path / "output"
    script = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from infra.local.processes import GuardedProcess
        with open({str(log)!r}, "wb") as output:
            process = GuardedProcess({SLEEPER!r}, environment={{}}, output=output, folder=Path({str(tmp_path)!r}))
        print(process.session, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        session = int(parent.stdout.readline())
        eventually(lambda: log.exists() and "up" in log.read_text())
        assert len(in_session(session)) == 2

        parent.send_signal(signal.SIGKILL)
        parent.wait()

    eventually(lambda: not in_session(session))


def test_process_guard_imports_only_the_standard_library():
    imported = [line.split()[1] for line in Path(GUARD).read_text().splitlines() if line.startswith("import ")]

    assert set(imported) <= sys.stdlib_module_names
