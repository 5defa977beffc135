"""A folder of versions that are scripts, and launchers on it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.agent_bundle import launcher_program

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
        self.program = folder / "launcher.py"
        self.program.write_bytes(launcher_program())

    def version(self, name, script):
        """Install a version that records its start and then runs a script."""
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

    def launch(self, *arguments, log=Path(os.devnull), **seconds):
        """Start a launcher; `seconds` are its times, by their names without `_seconds`."""
        times = [f"--{name}-seconds={value}" for name, value in ({"healthy": 30, "probation": 30} | seconds).items()]
        command = [sys.executable, "-I", self.program, "--versions", self.versions, *times, "--", *arguments]
        with log.open("ab") as errors:
            launcher = subprocess.Popen(command, stderr=errors)
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


def small_file_system(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system; skips the test if this process may not create one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)
