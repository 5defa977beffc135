import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

import asyncssh

from edge_agent.event_log import EventLog
from edge_agent.ssh_program import SshProgram, Terminal

# How long the output may stay open, silent, after the program has ended.
DRAIN_SECONDS = 1.0
EXIT_NOT_STARTED = 126
CLIENT_VARIABLES = (b"LANG", b"LC_")
TERMINAL_KIND_LENGTH = 64

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class SshSession(asyncssh.SSHServerSession[bytes]):
    """One channel of a connection: a shell or a command, from its start to its exit status.

    When the channel ends, in whatever way, the program is told (SIGHUP), and then its whole session is killed.
    Subsystems such as SFTP, and the forwarding of X11 and of agents, are refused.
    """

    def __init__(
        self,
        *,
        environment: Mapping[bytes, bytes],
        hang_up_seconds: float,
        spawn: Spawn,
        active: Callable[[], None],
        ended: Callable[["SshSession"], None],
        log: EventLog,
        ids: Mapping[str, object],
    ) -> None:
        """`hang_up_seconds` are from SIGHUP to SIGKILL; `active` is told of every byte that passes, `ended` of the end,
        perhaps twice; `ids` stand in the log."""
        self._environment = environment
        self._hang_up_seconds = hang_up_seconds
        self._spawn = spawn
        self._active = active
        self._ended = ended
        self._log = log
        self._ids = ids
        self._channel: asyncssh.SSHServerChannel[bytes]
        self._terminal: Terminal | None = None
        self._command: bytes | None = None
        self._program: SshProgram | None = None
        self._closed = asyncio.Event()
        self._outputs_ended = asyncio.Event()
        self._output_seen = 0
        self._paused = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(
        self,
        term_type: str,
        term_size: tuple[int, int, int, int],
        term_modes: Mapping[int, int],  # noqa: ARG002 - the system's own defaults are kept
    ) -> bool:
        self._terminal = Terminal(term_type[:TERMINAL_KIND_LENGTH], *term_size)
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command.encode("utf-8", "surrogateescape")
        return True

    def session_started(self) -> None:
        try:
            self._program = SshProgram(
                self._command,
                self._terminal,
                {**self._environment, **self._from_client()},
                take=self._output,
                ended=self._outputs_ended.set,
                full=self._channel.pause_reading,
                room=self._channel.resume_reading,
            )
        except (OSError, ValueError) as error:
            self._log.write("ssh.not_started", **self._ids, reason=type(error).__name__)
            self._channel.write_stderr(b"the program could not be started\n")
            self._channel.exit(EXIT_NOT_STARTED)
            return
        kind = "shell" if self._command is None else "command"
        self._log.write("ssh.session_started", **self._ids, kind=kind, terminal=self._terminal is not None)
        self._spawn(self._run(self._program))

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002 - clients send one kind
        self._active()
        if self._program is not None:
            self._program.write(data)

    def eof_received(self) -> bool:
        if self._program is not None:
            self._program.end_input()
        # The channel stays open for the output.
        return True

    def pause_writing(self) -> None:
        self._paused = True
        if self._program is not None:
            self._program.pause()

    def resume_writing(self) -> None:
        self._paused = False
        if self._program is not None:
            self._program.resume()

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._program is not None and self._terminal is not None:
            self._program.resize(Terminal(self._terminal.kind, width, height, pixwidth, pixheight))

    def signal_received(self, signal: str) -> None:
        if self._program is not None:
            self._program.signal(signal)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the connection tells why
        self.hang_up()
        self._ended(self)

    def hang_up(self) -> None:
        """End it now, as when the client has gone."""
        self._closed.set()

    async def _run(self, program: SshProgram) -> None:
        """From the start of the program to the end of the channel."""
        exit_code = None
        try:
            if await self._first(program.group.exited):
                await self._drained(program)
                exit_code = program.group.exit_code()
            self._program = None
            if exit_code is None:
                await self._hung_up(program)
        finally:
            self._program = None
            program.close()
        # Its place is free before the client knows.
        self._ended(self)
        self._log.write("ssh.session_ended", **self._ids, exit_code=exit_code)
        if exit_code is not None:
            self._channel.exit(exit_code)

    async def _hung_up(self, program: SshProgram) -> None:
        """Give it a moment to save what it has in hand: editors and shells do."""
        program.hang_up()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._hang_up_seconds):
                await program.group.exited.wait()

    async def _drained(self, program: SshProgram) -> None:
        """Wait for the rest of the output. Who holds it open without writing is killed; a client that takes its time is
        waited for.
        """
        killed = False
        while not self._closed.is_set():
            seen = self._output_seen
            if await self._first(self._outputs_ended, DRAIN_SECONDS):
                return
            if self._paused or seen != self._output_seen:
                continue
            if killed:
                return
            killed = True
            program.group.kill_session()

    async def _first(self, event: asyncio.Event, limit_seconds: float | None = None) -> bool:
        """Whether the event came, before the end of the channel and within the limit."""
        waits = [asyncio.ensure_future(each.wait()) for each in (event, self._closed)]
        try:
            await asyncio.wait(waits, timeout=limit_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return event.is_set() and not self._closed.is_set()

    def _output(self, data: bytes, is_error: bool) -> None:  # noqa: FBT001 - the shape of SshProgram's callback
        self._active()
        self._output_seen += len(data)
        if self._channel.is_closing():
            return
        if is_error:
            self._channel.write_stderr(data)
        else:
            self._channel.write(data)

    def _from_client(self) -> dict[bytes, bytes]:
        """Of the variables that the client sends, the language; others could change what programs do."""
        sent: Mapping[bytes, bytes] = self._channel.get_environment_bytes()
        return {name: value for name, value in sent.items() if name.startswith(CLIENT_VARIABLES) and b"=" not in name}
