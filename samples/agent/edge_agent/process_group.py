import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SESSION_SEARCHES = 10


class ProcessGroup:
    """A program as the leader of its own session and process group, and whatever it starts.

    The leader is left a zombie until `release`: until then its number cannot come to mean a stranger's group.
    `exited` is set when it has ended.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        environment: Mapping[str, str],
        folder: str | None = None,
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
        threading.Thread(target=self._watch, name="exit-watch", daemon=True).start()

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
            found = _members_of_session(self._process.pid)
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


def pids() -> list[int]:
    """Of all processes; none where the system has no /proc."""
    processes = Path("/proc")
    return [int(folder.name) for folder in processes.iterdir() if folder.name.isdigit()] if processes.exists() else []


def _members_of_session(leader: int) -> list[int]:
    """The living ones besides the leader."""
    found = []
    for pid in pids():
        try:
            # pid (name) state parent group session ...; the name may hold anything.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if pid != leader and fields[0] not in "ZX" and int(fields[3]) == leader:
            found.append(pid)
    return found
