"""Run a command that ends when its parent does, however the parent ends.

``python guard.py PIPE_FD GRACE_SECONDS REMOVE_DIR COMMAND...`` starts the command as a process group of its own, in the
session of this process, and waits. When the command ends, or the write end of the pipe closes (the parent closed it,
exited or was killed), the whole group is asked to stop and, after the grace, killed; a byte in the pipe kills it at
once. Then REMOVE_DIR (unless ``-``) is removed. Standard library only, any POSIX system.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_POLL_SECONDS = 0.05

_REMOVALS = 20
"""Attempts to remove a folder, in which a process that was just killed may still have created a file."""


def main() -> int:
    pipe, grace_seconds, folder, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]
    # A signal to the whole session, as when a terminal or a service ends, must not end the guard before its work.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(command, preexec_fn=_in_own_group)  # noqa: PLW1509 - one thread; our own command
    try:
        order = b""
        while child.poll() is None and _is_quiet(pipe):
            pass
        if child.poll() is None:
            order = os.read(pipe, 1)
        _stop(child, 0 if order else grace_seconds)
        return child.returncode
    finally:
        if folder != "-":
            _remove(folder)


def _in_own_group() -> None:
    os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _is_quiet(pipe: int) -> bool:
    readable, _, _ = select.select([pipe], [], [], _POLL_SECONDS)
    return not readable


def _stop(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    deadline = time.monotonic() + grace_seconds
    if grace_seconds:
        _signal(child.pid, signal.SIGTERM)
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    _signal(child.pid, signal.SIGKILL)
    child.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # no process is left, or (macOS) only zombies
        os.killpg(group, number)


def _remove(folder: str) -> None:
    for _ in range(_REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
