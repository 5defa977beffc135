"""Child processes that cannot outlive this one."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

GUARD = Path(__file__).with_name("guard.py")

GRACE_SECONDS = 5.0
"""Seconds from SIGTERM to SIGKILL."""

STOP_SECONDS = 30.0
"""Seconds beyond the guard's grace, for the removal of a large folder on a busy machine."""


class GuardedProcess:
    """A command under a guard: `stop`, this process's end or its death by SIGKILL all end the command's group.

    Guard and command are a session of their own.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: IO[bytes],
        folder: Path,
        remove: Path | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Start it in ``folder``, both outputs into ``output``; ``remove`` is a folder to delete after it.

        Without a grace it is killed at once, whatever stops it.
        """
        self._grace_seconds = grace_seconds
        read_end, self._write_end = os.pipe()
        guard = [sys.executable, "-ISE", str(GUARD), str(read_end), str(grace_seconds), str(remove or "-")]
        try:
            self._process = subprocess.Popen(
                [*guard, *command],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[read_end],
                start_new_session=True,
            )
        finally:
            os.close(read_end)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def session(self) -> int:
        """The id of its session, by which tests find remaining processes."""
        return self._process.pid

    def kill(self) -> None:
        """End the group at once by SIGKILL, and wait. Safe to repeat."""
        if self._write_end >= 0 and self.running:
            os.write(self._write_end, b"k")
        self.stop()

    def stop(self) -> None:
        """End the group and wait. Safe to repeat."""
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1
        self._process.wait(self._grace_seconds + STOP_SECONDS)
