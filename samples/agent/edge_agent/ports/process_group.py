import asyncio
import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from edge_agent.ports.process_table import kill_session_members, zombie_children
from edge_agent.ports.threads import NoThreadError, call_in_loop

SESSION_SEARCHES = 10
# Process ids of leaders that are kept as zombies on purpose and must not be reaped elsewhere.
LEADERS: set[int] = set()


class ProcessGroup:
    """A program that leads its own session and process group, with every process it starts.

    The leader is left a zombie until `release`, so that the system cannot give its process id to another group.
    `exited` is set when the leader has ended.
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
        """Start it. Raises OSError or ValueError if the system refuses to."""
        self.exited = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._process = subprocess.Popen(  # noqa: S603 - the operator's command is what the agent runs
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
            start_watching(self._watch)
        except OSError:
            self.signal(signal.SIGKILL)
            self._process.wait()
            LEADERS.discard(self._process.pid)
            raise

    def signal(self, number: signal.Signals) -> None:
        """Signal every member of the group."""
        # These errors mean that the group is gone, or consists of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def kill_session(self) -> None:
        """Kill the group and the other groups of its session, such as the jobs of an interactive shell.

        A process that started a session of its own is not found.
        """
        self.signal(signal.SIGKILL)
        kill_session_members(self._process.pid, signal.SIGKILL, SESSION_SEARCHES)

    def exit_code(self) -> int:
        """The exit status of the leader, which must have exited; 128 + n if signal n killed it."""
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def release(self) -> None:
        """Reap the leader. The group must not be signalled afterwards."""
        # Does not wait: the kernel may be unable to kill a process that hangs in a system call.
        self._process.poll()
        LEADERS.discard(self._process.pid)

    def _watch(self) -> None:
        if hasattr(os, "waitid"):
            # After a kill, `release` may have reaped it already.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        call_in_loop(self._loop, self.exited.set)


def start_watching(watch: Callable[[], None]) -> None:
    """Run a function that waits for a process in a daemon thread. Raises OSError if the system has no thread for it."""
    try:
        threading.Thread(target=watch, name="exit-watch", daemon=True).start()
    except RuntimeError as error:
        raise NoThreadError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error


class OrphanReaper:
    """Reaps orphaned processes, which a first process (process id 1, as in a container) inherits.

    The agent's own children are reaped where they were started, at once except for the leaders of process groups,
    which are skipped here. A child that is still a zombie at the second look is therefore an orphan.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def look(self) -> None:
        zombies = zombie_children() - LEADERS
        for pid in zombies & self._seen:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = zombies
