import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge_agent.ports.clock import Clock
from edge_agent.ports.processes import Processes
from edge_agent.waiting import all_of, first_of

# How long the output may stay open after the shell has ended, and how long a killed group may take to vanish.
DRAIN_SECONDS = 1.0
EXECUTION_VARIABLE = "EDGE_EXECUTION_ID"
EXIT_TIMED_OUT = 124
EXIT_NOT_STARTED = 126
EXIT_CANCELLED = 143
KILLED_NOTE = "Background processes that held the output open were killed"
ESCAPED_NOTE = (
    "Background processes in sessions of their own hold the output open and were not killed; what they write is lost"
)


@dataclass(frozen=True)
class ShellExit:
    """The exit status of a command, and notes that are appended to its output."""

    exit_code: int
    notes: tuple[str, ...] = ()


class ShellCommand:
    """A command line under `/bin/sh`, as the leader of its own session and process group.

    Its standard input is empty. Standard output and error arrive in order.
    """

    def __init__(
        self,
        text: str,
        environment: Mapping[bytes, bytes],
        output: Callable[[bytes], None],
        processes: Processes,
        clock: Clock,
    ) -> None:
        """Start it; `output` gets what it writes. Raises OSError or ValueError if the system refuses it."""
        self._clock = clock
        self._ended_by_itself = False
        self._program = processes.start_command(text, environment, output)

    async def finish(self, *, timeout_ms: int | None, cancel: asyncio.Event, grace_seconds: float) -> ShellExit:
        """Wait for the command to end, or end it on timeout or cancellation.

        Afterwards no process of the group is left, even if this coroutine is cancelled. A process survives only if it
        left the group, or let go of the output.
        """
        program, clock = self._program, self._clock
        try:
            limit_seconds = None if timeout_ms is None else timeout_ms / 1000
            if not await first_of(clock, program.exited, cancel, seconds=limit_seconds):
                await self._kill()
                return ShellExit(EXIT_TIMED_OUT, (f"Command timed out after {timeout_ms} milliseconds",))
            if not program.exited.is_set():
                program.signal("TERM")
                await self._ends_within(grace_seconds)
                await self._kill()
                return ShellExit(EXIT_CANCELLED, ("Command cancelled",))
            if not await self._ends_within(DRAIN_SECONDS):
                await self._kill()
                note = KILLED_NOTE if program.outputs_closed.is_set() else ESCAPED_NOTE
                return ShellExit(program.exit_code(), (note,))
            self._ended_by_itself = True
            return ShellExit(program.exit_code())
        finally:
            if not self._ended_by_itself:
                program.signal("KILL")
            program.close()

    async def _ends_within(self, seconds: float) -> bool:
        """Whether the shell ended and its output was closed by every process within the limit."""
        return await all_of(self._clock, self._program.exited, self._program.outputs_closed, seconds=seconds)

    async def _kill(self) -> None:
        self._program.signal("KILL")
        await self._ends_within(DRAIN_SECONDS)
