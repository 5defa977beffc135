"""Run a command that ends when its parent does, however the parent ends.

``python guard.py PIPE_FD REMOVE_DIR COMMAND...`` starts the command in this process's own session and waits. When the
command ends, or the write end of the pipe closes (the parent closed it, exited or was killed), the whole process group
is asked to stop, then killed, and REMOVE_DIR (unless ``-``) is removed. Standard library only, any POSIX system.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 5.0
"""From SIGTERM to SIGKILL."""

_POLL_SECONDS = 0.2


def main() -> int:
    pipe, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if os.getpid() != os.getsid(0):
        os.setsid()
    # The group is this process's own: what is sent to all must not end the guard before it has cleaned up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(command, preexec_fn=_default_signals)  # noqa: PLW1509 - one thread; our own command
    try:
        while child.poll() is None and not _closed(pipe):
            pass
        return _stop(child)
    finally:
        if folder != "-":
            shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)


def _default_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _closed(pipe: int) -> bool:
    readable, _, _ = select.select([pipe], [], [], _POLL_SECONDS)
    return bool(readable) and not os.read(pipe, 1)


def _stop(child: subprocess.Popen[bytes]) -> int:
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return child.returncode or 0


if __name__ == "__main__":
    sys.exit(main())
