import asyncio
import errno
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from edge_agent.processes import members_of_session

SESSION_SEARCHES = 10
# Process ids that are kept as zombies on purpose: nobody else may reap them.
LEADERS: set[int] = set()


class ProcessGroup:
    """A program as the leader of its own session and process group, and whatever it starts.

    The leader is left a zombie until `release`: until then its number cannot come to mean a stranger's group.
    `exited` is set when it has ended.
    """

    def __init__(
        self,
        arguments: Sequence[bytes],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        environment: Mapping[bytes, bytes],
        folder: bytes | None = None,
    ) -> None:
        """Start it. Raises OSError or ValueError where the system refuses."""
        self.exited = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._process = subprocess.Popen(  # noqa: S603 - running what the operator sent is the purpose
            arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        LEADERS.add(self._process.pid)
        try:
            threading.Thread(target=self._watch, name="exit-watch", daemon=True).start()
        except RuntimeError as error:
            # No thread to be had: nobody would notice its end.
            self.signal(signal.SIGKILL)
            self._process.wait()
            LEADERS.discard(self._process.pid)
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error

    def signal(self, number: signal.Signals) -> None:
        """To every member of the group."""
        # The group is gone, or all that is left of it are zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def kill_session(self) -> None:
        """Kill the group and the other groups of its session: the jobs of an interactive shell are groups of their own.
        A process that made a session of its own is not found, and without /proc only the group is.
        """
        self.signal(signal.SIGKILL)
        # Again for what was born during a search; a process that outruns them all is given up.
        for _ in range(SESSION_SEARCHES):
            found = members_of_session(self._process.pid)
            if not found:
                return
            for pid in found:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def exit_code(self) -> int:
        """Of the leader, which has exited; 128 + n if signal n killed it."""
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def release(self) -> None:
        """Let go of the leader; nothing may be signalled any more."""
        # Still running only when the kernel cannot kill it now; it must not hold up the others.
        self._process.poll()
        LEADERS.discard(self._process.pid)

    def _watch(self) -> None:
        if hasattr(os, "waitid"):
            # `release` may have been quicker after a kill.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        # A loop that is closed has nobody left to tell.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.exited.set)
