import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_agent.spool import OutputSpool

READ_BYTES = 64 * 1024
# How long the output may stay open after the shell has ended, or the killed group to vanish.
DRAIN_SECONDS = 1.0
LEFTOVER_SEARCHES = 10
EXECUTION_VARIABLE = "EDGE_EXECUTION_ID"
EXIT_TIMED_OUT = 124
EXIT_NOT_STARTED = 126
EXIT_CANCELLED = 143


@dataclass(frozen=True)
class Ending:
    exit_code: int
    notes: tuple[str, ...] = ()


class ShellCommand:
    """A command line under `/bin/sh -c`, leader of its own session and process group.

    Standard input is empty; standard output and error share one pipe, so their order is kept. The shell is left a
    zombie until its group needs no signal any more: until then its number cannot come to mean a stranger's group.
    """

    def __init__(self, text: str, environment: Mapping[str, str], spool: OutputSpool) -> None:
        """Start it. Raises OSError or ValueError where the system refuses the text."""
        self._spool = spool
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        self._closed = asyncio.Event()
        self._ended_by_itself = False
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running what the operator sent is the purpose
                ["/bin/sh", "-c", text],
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=environment,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(write_end)
        self._loop.add_reader(self._pipe, self._read)
        threading.Thread(target=self._watch, name="exit-watch", daemon=True).start()

    async def finish(self, *, timeout_ms: int | None, cancel: asyncio.Event, grace_seconds: float) -> Ending:
        """Wait for the end, or bring it about. Whatever happens, cancellation of this coroutine included, no process of
        the group is left afterwards; only one that left the group or that had let go of the output may live on.
        """
        try:
            limit_seconds = None if timeout_ms is None else timeout_ms / 1000
            if not await self._first_of(self._exited, cancel, limit_seconds):
                await self._kill()
                return Ending(EXIT_TIMED_OUT, (f"Command timed out after {timeout_ms} milliseconds",))
            if not self._exited.is_set():
                self._signal(signal.SIGTERM)
                await self._both_within(grace_seconds)
                await self._kill()
                return Ending(EXIT_CANCELLED, ("Command cancelled",))
            if not await self._both_within(DRAIN_SECONDS):
                await self._kill()
                return Ending(self._exit_code(), ("Background processes that held the output open were killed",))
            self._ended_by_itself = True
            return Ending(self._exit_code())
        finally:
            self._end()

    def _watch(self) -> None:
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        # A loop that is closed has nobody left to tell.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._exited.set)

    def _read(self) -> None:
        data = os.read(self._pipe, READ_BYTES)
        if data:
            self._spool.append(data)
        else:
            self._loop.remove_reader(self._pipe)
            self._closed.set()

    async def _first_of(self, first: asyncio.Event, second: asyncio.Event, limit_seconds: float | None) -> bool:
        """Whether either came within the limit."""
        waits = [asyncio.ensure_future(event.wait()) for event in (first, second)]
        try:
            done, _ = await asyncio.wait(waits, timeout=limit_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)

    async def _both_within(self, limit_seconds: float) -> bool:
        """Whether the shell ended and every holder of the output let go of it within the limit."""
        try:
            async with asyncio.timeout(limit_seconds):
                await self._exited.wait()
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    async def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self._both_within(DRAIN_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        # The group is gone, or all that is left of it are zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _exit_code(self) -> int:
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def _end(self) -> None:
        if not self._ended_by_itself:
            self._signal(signal.SIGKILL)
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        # None only for a process that the kernel cannot kill now; it must not hold up the others.
        self._process.poll()


def kill_leftovers(execution_id: str) -> int:
    """Kill what is left of a command whose agent died, wherever it has got to; returns how many processes.

    They are known by the variable that every command is started with. One that dropped it is not found, and where the
    system shows no environments (no /proc) none is.
    """
    mark = f"{EXECUTION_VARIABLE}={execution_id}".encode()
    killed = 0
    # Again for what was born during a search; a process that outruns them all is given up.
    for _ in range(LEFTOVER_SEARCHES):
        found = [pid for pid in _pids() if mark in _environment(pid)]
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed += len(found)
    return killed


def _pids() -> list[int]:
    processes = Path("/proc")
    return [int(folder.name) for folder in processes.iterdir() if folder.name.isdigit()] if processes.exists() else []


def _environment(pid: int) -> list[bytes]:
    """Empty for a process that is gone, a zombie, or another user's."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
