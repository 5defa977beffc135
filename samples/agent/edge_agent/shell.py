import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.process_group import ProcessGroup
from edge_agent.processes import environment_of, pids
from edge_agent.spool import OutputSpool

READ_BYTES = 64 * 1024
# How long the output may stay open after the shell has ended, or the killed group to vanish.
DRAIN_SECONDS = 1.0
LEFTOVER_SEARCHES = 10
EXECUTION_VARIABLE = "EDGE_EXECUTION_ID"
EXIT_TIMED_OUT = 124
EXIT_NOT_STARTED = 126
EXIT_CANCELLED = 143
KILLED_NOTE = "Background processes that held the output open were killed"
ESCAPED_NOTE = (
    "Background processes in sessions of their own hold the output open and were not killed; what they write is lost"
)


@dataclass(frozen=True)
class Ending:
    exit_code: int
    notes: tuple[str, ...] = ()


class ShellCommand:
    """A command line under `/bin/sh -c`, leader of its own session and process group.

    Standard input is empty; standard output and error share one pipe, so their order is kept.
    """

    def __init__(self, text: str, environment: Mapping[bytes, bytes], spool: OutputSpool) -> None:
        """Start it; the shell gets the text in UTF-8, whatever the locale. Raises OSError or ValueError where the
        system refuses it."""
        self._spool = spool
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._ended_by_itself = False
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            self._group = ProcessGroup(
                [b"/bin/sh", b"-c", b"--", text.encode()],
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                environment=environment,
            )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(write_end)
        self._loop.add_reader(self._pipe, self._read)

    async def finish(self, *, timeout_ms: int | None, cancel: asyncio.Event, grace_seconds: float) -> Ending:
        """Wait for the end, or bring it about. Whatever happens, cancellation of this coroutine included, no process of
        the group is left afterwards; only one that left the group or that had let go of the output may live on.
        """
        try:
            limit_seconds = None if timeout_ms is None else timeout_ms / 1000
            if not await self._first_of(self._group.exited, cancel, limit_seconds):
                await self._kill()
                return Ending(EXIT_TIMED_OUT, (f"Command timed out after {timeout_ms} milliseconds",))
            if not self._group.exited.is_set():
                self._group.signal(signal.SIGTERM)
                await self._both_within(grace_seconds)
                await self._kill()
                return Ending(EXIT_CANCELLED, ("Command cancelled",))
            if not await self._both_within(DRAIN_SECONDS):
                await self._kill()
                return Ending(self._group.exit_code(), (KILLED_NOTE if self._closed.is_set() else ESCAPED_NOTE,))
            self._ended_by_itself = True
            return Ending(self._group.exit_code())
        finally:
            self._end()

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            return
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
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_seconds):
                await self._group.exited.wait()
                await self._closed.wait()
        # Both may have come with the end of the limit, on a machine that was busy meanwhile.
        return self._group.exited.is_set() and self._closed.is_set()

    async def _kill(self) -> None:
        self._group.signal(signal.SIGKILL)
        await self._both_within(DRAIN_SECONDS)

    def _end(self) -> None:
        if not self._ended_by_itself:
            self._group.signal(signal.SIGKILL)
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        self._group.release()


def kill_leftovers(execution_id: str) -> int:
    """Kill what is left of a command whose agent died, wherever it has got to; returns how many processes.

    They are known by the variable that every command is started with. One that dropped it is not found, and where the
    system shows no environments (no /proc) none is.
    """
    mark = f"{EXECUTION_VARIABLE}={execution_id}".encode()
    killed = 0
    # Again for what was born during a search; a process that outruns them all is given up.
    for _ in range(LEFTOVER_SEARCHES):
        found = [pid for pid in pids() if mark in environment_of(pid)]
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed += len(found)
    return killed
