"""Starts the agent, tries a newly installed version on probation, and goes back to the old one if it fails.

The launcher is a program of its own, without the agent's ports: it starts the agent's process, and an update never
replaces it; only the installer does. It is therefore kept small, and uses only the standard library.

The state of an update is one file, `update.json` beside the versions, which is replaced atomically at each step: after
a power cut the next start finds the step before or the one after. The verdict for a full disk is written before a new
version is started, so that going back then needs only a rename. Phases:

    installing       the agent downloads and installs; nothing to do here
    prepared         the agent that wrote it ends, and VERSION is to be tried
    trying           VERSION runs on probation; `starts` counts how often it was started
    passed, failed   the update has ended; the running agent reports that and removes the file
"""

import argparse
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

UPDATE = "update.json"
VERDICT = "update.failed.json"
HEALTHY = "healthy"
CURRENT = "current"
MANIFEST = "bundle.json"
VERSIONS_VARIABLE = "EDGE_AGENT_VERSIONS"

MAX_STARTS = 3
STOP_SECONDS, POLL_SECONDS = 45.0, 0.1
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 10.0, 300.0
NO_VERSION_STATUS = 1
# A Python without its program ends with the agent's status for "somebody has to act" too: systemd gets another.
AGENT_FAILED_STATUS = 2
STAY_DOWN_STATUS = 78
PR_SET_PDEATHSIG = 1

Update = dict[str, Any]


class Launcher:
    def __init__(
        self, versions: Path, arguments: Sequence[str], *, healthy_seconds: float, probation_seconds: float
    ) -> None:
        """A new version must report healthy within `healthy_seconds`, then stay alive for `probation_seconds`."""
        self._versions = versions
        self._arguments = arguments
        self._healthy_seconds = healthy_seconds
        self._probation_seconds = probation_seconds
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
            update = self._read()
            status = self._try(update) if update is not None and self._is_to_try(update) else self._run_current(update)
            if self._stopping:
                return status or 0
            update = self._read()
            # None: the new version failed. Otherwise an agent has ended, perhaps for an update.
            if status is not None and not (update is not None and self._is_to_try(update)):
                return STAY_DOWN_STATUS if status == AGENT_FAILED_STATUS else status

    def _is_to_try(self, update: Update) -> bool:
        return update.get("phase") in {"prepared", "trying"} and update != self._given_up

    def _run_current(self, update: Update | None) -> int:
        version = None
        if update is not None and update.get("phase") == "passed":
            version = self._switch_to(str(update["version"]))  # after a power cut between verdict and switch
        version = version or self._current()
        if version is None:
            self._log("launcher.no_version", folder=str(self._versions))
            return NO_VERSION_STATUS
        if not self._has_its_python(version) and not self._made_anew(version):
            return 0  # stopped
        return self._start(version).wait()

    def _try(self, update: Update) -> int | None:
        """Run a new version on probation. Returns its exit status; None if it failed."""
        version = str(update["version"])
        starts = int(update.get("starts", 0)) + 1
        if starts > MAX_STARTS:
            self._go_back(update, f"it was started {MAX_STARTS} times, and each time all stopped before it passed")
            return None
        try:
            self._write(UPDATE, {**update, "phase": "trying", "starts": starts})
            (self._versions / HEALTHY).unlink(missing_ok=True)
        except OSError as error:
            self._go_back(update, f"it could not be tried: {error}")
            return None
        if not self._is_installed(version):
            self._go_back(update, "it is not installed")
            return None
        self._log("launcher.trying", version=version, starts=starts)
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
            if healthy_at is None and (self._versions / HEALTHY).exists():
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
            self._write(UPDATE, {**update, "phase": "passed"})
            self._point_to(version)
        except OSError as error:
            # It runs now; the next start tries it again, or replaces the link.
            self._log("launcher.not_noted", version=version, reason=str(error))
        self._log("launcher.passed", version=version)

    def _go_back(self, update: Update, reason: str) -> None:
        self._log("launcher.went_back", version=update["version"], reason=reason)
        verdict = {**update, "phase": "failed", "reason": reason}
        version = str(update["version"])
        if version != self._current():
            shutil.rmtree(self._versions / version, ignore_errors=True)  # also frees space, if it has filled the disk
        try:
            self._write(UPDATE, verdict)
        except OSError:
            self._take_prepared_verdict(version)

    def _take_prepared_verdict(self, version: str) -> None:
        """Use the verdict that the agent wrote when it prepared the update.

        On a read-only disk this fails too: then this launcher remembers the update, and the next one tries again.
        """
        try:
            (self._versions / VERDICT).replace(self._versions / UPDATE)
        except OSError as error:
            self._given_up = self._read()
            self._log("launcher.not_noted", version=version, reason=str(error))

    def _start(self, version: str) -> "subprocess.Popen[bytes]":
        command = [str(self._versions / version / "bin" / "python"), "-I", "-m", "edge_agent", *self._arguments]
        environment = {**os.environ, VERSIONS_VARIABLE: str(self._versions)}
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

    def _current(self) -> str | None:
        """The version that `current` points to; if it is dangling, the version that was installed last."""
        link = self._versions / CURRENT
        if (link / "bin" / "python").exists() or (link / MANIFEST).exists():
            return link.resolve().name
        whole = [path.parent for path in self._versions.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")]
        return max(whole, key=lambda folder: folder.stat().st_mtime).name if whole else None

    def _is_installed(self, version: str) -> bool:
        return (self._versions / version / "bin" / "python").exists()

    def _has_its_python(self, version: str) -> bool:
        """Whether the Python of a version is there, and no other in its place, as after the distribution's upgrade."""
        folder = self._versions / version
        program = (folder / "bin" / "python").resolve()
        installed = {path.name for path in folder.glob("lib/python3.*")}
        return program.exists() and (not installed or program.name in installed or program.name == "python3")

    def _made_anew(self, version: str) -> bool:
        """Have a version install itself again, repeated after ever longer pauses. False if the launcher is stopped."""
        folder, pause = str(self._versions / version), FIRST_PAUSE_SECONDS
        program = next(Path(folder).glob("lib/python3.*/site-packages/edge_agent/bundles.py"), None)
        again = [sys.executable, "-I", str(program), "--again", folder]
        while status := subprocess.run(again, check=False).returncode:  # noqa: S603
            self._log("launcher.not_made_anew", version=version, status=status, again_after_seconds=pause)
            until = time.monotonic() + pause
            while time.monotonic() < until and not self._stopping:
                time.sleep(POLL_SECONDS)
            if self._stopping:
                return False
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return True

    def _switch_to(self, version: str) -> str | None:
        """Make a version that has passed the current one, if the disk allows it, and return it; None if it is not
        installed."""
        if not self._is_installed(version):
            return None
        try:
            self._point_to(version)
        except OSError as error:
            self._log("launcher.not_noted", version=version, reason=str(error))
        return version

    def _point_to(self, version: str) -> None:
        temporary = self._versions / f".{CURRENT}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(version)
        temporary.replace(self._versions / CURRENT)
        _sync(self._versions)

    def _read(self) -> Update | None:
        try:
            content = json.loads((self._versions / UPDATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None  # an unreadable update cannot be continued
        return content if isinstance(content, dict) and "version" in content else None

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        temporary = self._versions / f".{name}"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._versions / name)
        _sync(self._versions)

    def _log(self, event: str, **fields: object) -> None:
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        try:
            sys.stderr.write(json.dumps({"at": at, "event": event, **fields}) + "\n")
            sys.stderr.flush()
        except OSError:
            return  # as on a full disk


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    parser.add_argument("arguments", nargs="*", help="options of the agent, after --")
    asked = parser.parse_args()
    times = {"healthy_seconds": asked.healthy_seconds, "probation_seconds": asked.probation_seconds}
    return Launcher(asked.versions, asked.arguments, **times).run()


if __name__ == "__main__":
    sys.exit(main())
