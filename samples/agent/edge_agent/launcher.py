"""Starts the agent, tries a newly installed version on probation, and goes back to the old one if it fails.

The launcher is a program of its own, without the agent's ports: it starts the agent's process, and an update never
replaces it; only the installer does. It is therefore kept small, and uses only the standard library. A machine has it
as one file, `launcher.py`, into which `infra/agent_bundle.py` packs this module and those whose names begin like its.

The state of an update is one file, `update.json` beside the versions, which is replaced atomically at each step: after
a power cut the next start finds the step before or the one after. The verdict for a full disk is written before a new
version is started, so that going back then needs only a rename. Phases:

    installing       the agent downloads and installs; nothing to do here
    prepared         the agent that wrote it ends, and VERSION is to be tried
    trying           VERSION runs on probation; `starts` counts how often it was started
    passed, failed   the update has ended; the running agent reports that and removes the file

A version that has passed may keep ending later, as after a reboot. After `MAX_EARLY_ENDS` in a row the version that is
kept beside it runs instead, and `update.json` says `failed`. If that one keeps ending too, the first has another turn,
and so on, after ever longer pauses: no machine is given up.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from edge_agent.launcher_ends import EarlyEnds
from edge_agent.launcher_log import log
from edge_agent.launcher_versions import HEALTHY, UPDATE, VERDICT, VERSIONS_VARIABLE, Versions

MAX_STARTS = 3
MAX_EARLY_ENDS = 10
STOP_SECONDS, POLL_SECONDS = 45.0, 0.1
LONGEST_PAUSE_SECONDS = 300.0
NO_VERSION_STATUS = NOT_STARTED_STATUS = 1
# A Python without its program ends with the agent's status for "somebody has to act" too: systemd gets another.
AGENT_FAILED_STATUS = 2
STAY_DOWN_STATUS = 78
PR_SET_PDEATHSIG = 1

Update = dict[str, Any]


class Launcher:
    def __init__(
        self,
        versions: Path,
        arguments: Sequence[str],
        *,
        healthy_seconds: float,
        probation_seconds: float,
        early_seconds: float,
        pause_seconds: float,
    ) -> None:
        """A new version must report healthy within `healthy_seconds`, then stay alive for `probation_seconds`. An end
        within `early_seconds` of the start is an early one. `pause_seconds` is the first of ever longer pauses."""
        self._versions = Versions(versions)
        self._arguments = arguments
        self._healthy_seconds = healthy_seconds
        self._probation_seconds = probation_seconds
        self._early_seconds = early_seconds
        self._pause_seconds = pause_seconds
        self._ends = EarlyEnds(self._versions)
        self._stopping = False
        self._child: subprocess.Popen[bytes] | None = None
        # A failed update whose verdict could not be written.
        self._given_up: Update | None = None

    def run(self) -> int:
        """Run the agent until it ends for a reason other than an update, and return its exit status;
        `STAY_DOWN_STATUS` where somebody has to act."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while True:
            update = self._versions.read(UPDATE)
            status = self._try(update) if update is not None and self._is_to_try(update) else self._run_current(update)
            if self._stopping:
                return status or 0
            update = self._versions.read(UPDATE)
            # None: a version failed, and this launcher goes on. Otherwise an agent has ended, perhaps for an update.
            if status is not None and not (update is not None and self._is_to_try(update)):
                return STAY_DOWN_STATUS if status == AGENT_FAILED_STATUS else status

    def _is_to_try(self, update: Update) -> bool:
        return update.get("phase") in {"prepared", "trying"} and update != self._given_up

    def _run_current(self, update: Update | None) -> int | None:
        if update is not None and update.get("phase") == "passed" and update != self._given_up:
            passed = str(update["version"])
            if self._versions.is_installed(passed):
                self._versions.switch_to(passed)  # after a power cut between verdict and switch
        version = self._versions.current()
        if version is None:
            log("launcher.no_version", folder=str(self._versions.folder))
            return NO_VERSION_STATUS
        version = self._instead_of(version, update)
        if self._stopping or not (self._versions.has_its_python(version) or self._made_anew(version)):
            return 0
        return self._run_counted(version)

    def _instead_of(self, version: str, update: Update | None) -> str:
        """The version that is kept beside one that keeps ending; else that one. Each step can be repeated by the next
        launcher."""
        ends = self._ends.of(version)
        other = self._versions.other_than(version) if ends.count >= MAX_EARLY_ENDS else None
        if other is None:
            return version
        pause = self._pause(ends.changes) if ends.changes else 0.0
        reason = f"it ended {ends.count} times in a row soon after its start, at last with status {ends.status}"
        log("launcher.keeps_ending", version=version, instead=other, after_seconds=pause, reason=reason)
        self._wait(pause)
        if self._stopping:
            return version
        # The version that ran is kept, and has another turn if this one keeps ending too.
        self._note_failure({**(update or {}), "version": version, "previous": version}, reason)
        self._versions.switch_to(other)
        self._ends.changed(ends, other)
        return other

    def _run_counted(self, version: str) -> int | None:
        """Run a version, and count an early end. Returns its exit status; None if only this process knows the count, so
        that it has to go on."""
        try:
            child = self._start(version)
        except OSError as error:
            log("launcher.not_started", version=version, reason=str(error))
            status = NOT_STARTED_STATUS
        else:
            try:
                status = child.wait(self._early_seconds)
            except subprocess.TimeoutExpired:
                self._ends.forget(version)
                return child.wait()
        if self._stopping or status in {0, AGENT_FAILED_STATUS} or self._ends.add(version, status):
            return status
        self._wait(self._pause_seconds)
        return None

    def _try(self, update: Update) -> int | None:
        """Run a new version on probation. Returns its exit status; None if it failed."""
        version = str(update["version"])
        starts = int(update.get("starts", 0)) + 1
        if starts > MAX_STARTS:
            self._go_back(update, f"it was started {MAX_STARTS} times, and each time all stopped before it passed")
            return None
        try:
            self._versions.write(UPDATE, {**update, "phase": "trying", "starts": starts})
            (self._versions.folder / HEALTHY).unlink(missing_ok=True)
        except OSError as error:
            self._go_back(update, f"it could not be tried: {error}")
            return None
        if not self._versions.is_installed(version):
            self._go_back(update, "it is not installed")
            return None
        log("launcher.trying", version=version, starts=starts)
        child = self._start(version)
        reason = self._probation(child)
        if self._stopping:
            return child.wait()
        if reason:
            self._end(child)
            self._go_back(update, reason)
            return None
        self._pass(update)
        return child.wait()

    def _probation(self, child: "subprocess.Popen[bytes]") -> str:
        """Watch a new version. Returns why it failed; "" if it passed, or if the launcher stops."""
        started = time.monotonic()
        healthy_at: float | None = None
        while not self._stopping:
            now = time.monotonic()
            status = child.poll()
            if status is not None:
                return f"it ended after {now - started:.0f} s with status {status}"
            if healthy_at is None and (self._versions.folder / HEALTHY).exists():
                healthy_at = now
            if healthy_at is None and now - started >= self._healthy_seconds:
                return f"it did not report itself healthy within {self._healthy_seconds:.0f} s"
            if healthy_at is not None and now - healthy_at >= self._probation_seconds:
                return ""
            time.sleep(POLL_SECONDS)
        return ""

    def _pass(self, update: Update) -> None:
        version = str(update["version"])
        try:
            self._versions.write(UPDATE, {**update, "phase": "passed"})
            self._versions.point_to(version)
        except OSError as error:
            # It runs now; the next start tries it again, or replaces the link.
            log("launcher.not_noted", version=version, reason=str(error))
        self._ends.forget(version)
        log("launcher.passed", version=version)

    def _go_back(self, update: Update, reason: str) -> None:
        version = str(update["version"])
        log("launcher.went_back", version=version, reason=reason)
        if version != self._versions.current():
            self._versions.remove(version)  # also frees space, if it has filled the disk
        self._note_failure(update, reason)

    def _note_failure(self, update: Update, reason: str) -> None:
        """Write the verdict of an update that failed.

        On a full disk it is the one that the agent wrote when it prepared the update. On a read-only disk that fails
        too: then this launcher remembers the update, and the next one tries again.
        """
        try:
            self._versions.write(UPDATE, {**update, "phase": "failed", "reason": reason})
        except OSError:
            try:
                (self._versions.folder / VERDICT).replace(self._versions.folder / UPDATE)
            except OSError as error:
                self._given_up = self._versions.read(UPDATE)
                log("launcher.not_noted", version=update["version"], reason=str(error))

    def _start(self, version: str) -> "subprocess.Popen[bytes]":
        command = [str(self._versions.python(version)), "-I", "-m", "edge_agent", *self._arguments]
        environment = {**os.environ, VERSIONS_VARIABLE: str(self._versions.folder)}
        before = partial(die_with_parent, os.getpid())
        self._child = subprocess.Popen(command, env=environment, preexec_fn=before)  # noqa: PLW1509, S603
        if self._stopping:  # requested meanwhile
            self._child.terminate()
        return self._child

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()

    def _made_anew(self, version: str) -> bool:
        """Have a version install itself again, repeated after ever longer pauses. False if the launcher is stopped."""
        folder, attempts = str(self._versions.folder / version), 0
        again = [sys.executable, "-I", str(self._versions.installer_of(version)), "--again", folder]
        while status := subprocess.run(again, check=False).returncode:  # noqa: S603
            attempts += 1
            pause = self._pause(attempts)
            log("launcher.not_made_anew", version=version, status=status, again_after_seconds=pause)
            self._wait(pause)
            if self._stopping:
                return False
        return True

    def _pause(self, number: int) -> float:
        """The seconds of a pause: each is twice as long as the one before, up to the longest."""
        return float(min(self._pause_seconds * 2 ** min(number - 1, 10), LONGEST_PAUSE_SECONDS))

    def _wait(self, seconds: float) -> None:
        """Wait, unless the launcher is to stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stopping:
            time.sleep(POLL_SECONDS)


def die_with_parent(parent_id: int) -> None:
    """Let the kernel kill this process with its parent, the launcher: the next launcher would find the state directory
    in use. Ends the process if the parent has died already, since the kernel tells only of later deaths."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_id:
        os._exit(1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Start the agent, and decide between two versions of it.")
    parser.add_argument("--versions", type=Path, required=True, help="folder of the installed versions")
    parser.add_argument("--healthy-seconds", type=float, default=180.0, help="to report itself healthy (%(default)s)")
    parser.add_argument("--probation-seconds", type=float, default=300.0, help="then time to stay alive (%(default)s)")
    parser.add_argument(
        "--early-seconds", type=float, default=300.0, help="an end sooner than that counts (%(default)s)"
    )
    parser.add_argument("--pause-seconds", type=float, default=10.0, help="the first of longer pauses (%(default)s)")
    parser.add_argument("arguments", nargs="*", help="options of the agent, after --")
    asked = parser.parse_args()
    names = ("healthy_seconds", "probation_seconds", "early_seconds", "pause_seconds")
    times = {name: getattr(asked, name) for name in names}
    return Launcher(asked.versions, asked.arguments, **times).run()
