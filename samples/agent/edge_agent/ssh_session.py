import asyncio
from collections.abc import Callable, Mapping

import asyncssh

from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock
from edge_agent.ports.processes import LoginHandlers, LoginProgram, Processes, Terminal
from edge_agent.supervisor import Spawn
from edge_agent.waiting import all_of, first_of

# How long the output may stay open without data after the program has ended.
DRAIN_SECONDS = 1.0
EXIT_NOT_STARTED = 126
CLIENT_VARIABLES = (b"LANG", b"LC_")
TERMINAL_KIND_LENGTH = 64


class SshSession(asyncssh.SSHServerSession[bytes]):
    """One channel of a connection: a shell or a command, from its start to its exit status.

    When the channel closes for any reason, the program gets SIGHUP, and then its whole session is killed. Subsystems
    such as SFTP, and X11 and agent forwarding, are refused.
    """

    def __init__(
        self,
        *,
        environment: Mapping[bytes, bytes],
        hang_up_seconds: float,
        spawn: Spawn,
        active: Callable[[], None],
        ended: Callable[["SshSession"], None],
        processes: Processes,
        clock: Clock,
        log: EventLog,
        ids: Mapping[str, object],
    ) -> None:
        """`hang_up_seconds` is the time from SIGHUP to SIGKILL; `active` is called when data passes, `ended` at the
        end, perhaps twice; `ids` are logged with every event."""
        self._environment = environment
        self._hang_up_seconds = hang_up_seconds
        self._spawn = spawn
        self._active = active
        self._ended = ended
        self._processes = processes
        self._clock = clock
        self._log = log
        self._ids = ids
        self._channel: asyncssh.SSHServerChannel[bytes]
        self._terminal: Terminal | None = None
        self._command: bytes | None = None
        self._program: LoginProgram | None = None
        self._closed = asyncio.Event()
        self._output_seen = 0
        self._paused = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(
        self,
        term_type: str,
        term_size: tuple[int, int, int, int],
        term_modes: Mapping[int, int],  # noqa: ARG002 - the system's defaults are kept
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
            self._program = self._processes.start_login(
                self._command,
                self._terminal,
                {**self._environment, **self._from_client()},
                LoginHandlers(
                    output=self._output,
                    input_full=self._channel.pause_reading,
                    input_drained=self._channel.resume_reading,
                ),
            )
        except (OSError, ValueError) as error:
            self._log.write("ssh.not_started", **self._ids, reason=type(error).__name__)
            self._channel.write_stderr(b"the program could not be started\n")
            self._channel.exit(EXIT_NOT_STARTED)
            return
        kind = "shell" if self._command is None else "command"
        self._log.write("ssh.session_started", **self._ids, kind=kind, terminal=self._terminal is not None)
        self._spawn(self._run(self._program))

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002 - clients send only one type
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

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the connection logs the reason
        self.hang_up()
        self._ended(self)

    def hang_up(self) -> None:
        """End the session, as when the client has disconnected."""
        self._closed.set()

    async def _run(self, program: LoginProgram) -> None:
        """Wait for the end of the program or of the channel, then clean up and report the exit status."""
        exit_code = None
        try:
            if await self._first(program.exited):
                await self._drained(program)
                exit_code = program.exit_code()
            self._program = None
            if exit_code is None:
                await self._hung_up(program)
        finally:
            self._program = None
            program.kill_session()
            program.close()
        # The session no longer counts when the client learns of its end.
        self._ended(self)
        self._log.write("ssh.session_ended", **self._ids, exit_code=exit_code)
        if exit_code is not None:
            self._channel.exit(exit_code)

    async def _hung_up(self, program: LoginProgram) -> None:
        """Hang up, and give the program time to save its work, as editors and shells do."""
        program.hang_up()
        await all_of(self._clock, program.exited, seconds=self._hang_up_seconds)

    async def _drained(self, program: LoginProgram) -> None:
        """Wait for the rest of the output. A process that holds it open without writing is killed; a slow client is
        waited for.
        """
        killed = False
        while not self._closed.is_set():
            seen = self._output_seen
            if await self._first(program.outputs_closed, DRAIN_SECONDS):
                return
            if self._paused or seen != self._output_seen:
                continue
            if killed:
                return
            killed = True
            program.kill_session()

    async def _first(self, event: asyncio.Event, limit_seconds: float | None = None) -> bool:
        """Whether the event was set before the channel closed and within the limit."""
        await first_of(self._clock, event, self._closed, seconds=limit_seconds)
        return event.is_set() and not self._closed.is_set()

    def _output(self, data: bytes, is_error: bool) -> None:  # noqa: FBT001 - the signature of LoginHandlers.output
        self._active()
        self._output_seen += len(data)
        if self._channel.is_closing():
            return
        if is_error:
            self._channel.write_stderr(data)
        else:
            self._channel.write(data)

    def _from_client(self) -> dict[bytes, bytes]:
        """The language variables that the client sends. Other variables could change what programs do."""
        sent: Mapping[bytes, bytes] = self._channel.get_environment_bytes()
        return {name: value for name, value in sent.items() if name.startswith(CLIENT_VARIABLES) and b"=" not in name}
