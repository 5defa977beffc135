import asyncio
import fcntl
import os
import pwd
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_agent.ports.process_group import ProcessGroup
from edge_agent.ports.streams import InputStream, OutputStream

# A leader of a session without a terminal gets one as its controlling terminal by opening it. The shell does that: code
# of ours between fork and exec is not safe in a process with threads.
OWN_TERMINAL = b'exec "$@" <>"$0" >&0 2>&1'
SIGNALS = {
    name: getattr(signal, f"SIG{name}") for name in ("HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "ALRM")
}


@dataclass(frozen=True)
class Terminal:
    """The client's terminal. Sizes are in characters and pixels, 0 if unknown."""

    kind: str
    columns: int
    rows: int
    width_pixels: int
    height_pixels: int


@dataclass(frozen=True)
class LoginHandlers:
    """Callbacks of a login program: `output(data, is_error)` for its output, `input_full` and `input_drained` for flow
    control of its input."""

    output: Callable[[bytes, bool], None]
    input_full: Callable[[], None]
    input_drained: Callable[[], None]


@dataclass(frozen=True)
class Account:
    """The user as which this process runs; programs run as the same user."""

    name: str
    home: str
    shell: str

    @classmethod
    def own(cls) -> "Account":
        try:
            entry = pwd.getpwuid(os.getuid())
        except KeyError:
            # In a container, the user may have no entry.
            return cls(str(os.getuid()), "/", "/bin/sh")
        return cls(entry.pw_name, entry.pw_dir, entry.pw_shell or "/bin/sh")


class SystemLoginProgram:
    """A login shell, or a command under the shell, with its streams; leads its own session."""

    def __init__(
        self,
        command: bytes | None,
        terminal: Terminal | None,
        environment: Mapping[bytes, bytes],
        handlers: LoginHandlers,
    ) -> None:
        account = Account.own()
        shell, home = os.fsencode(account.shell), os.fsencode(account.home)
        name = os.fsencode(account.name)
        arguments = [shell, b"-l"] if command is None else [shell, b"-c", command]
        folder = home if Path(account.home).is_dir() else b"/"
        environment = {**environment, b"HOME": home, b"USER": name, b"LOGNAME": name, b"SHELL": shell}
        self._handlers = handlers
        self._terminal: int | None = None
        self._outputs: list[OutputStream] = []
        self.outputs_closed = asyncio.Event()
        if terminal is None:
            descriptors = self._start_on_pipes(arguments, environment, folder)
        else:
            environment[b"TERM"] = terminal.kind.encode()
            descriptors = self._start_on_terminal(arguments, environment, folder, terminal)
        self.exited = self._group.exited
        to_program, *from_program = descriptors
        self._input = InputStream(to_program, handlers.input_full, handlers.input_drained)
        self._open_outputs = len(from_program)
        for descriptor, is_error in zip(from_program, (False, True), strict=False):
            self._outputs.append(OutputStream(descriptor, self._output_of(is_error=is_error), self._output_ended))

    def write(self, data: bytes) -> None:
        self._input.write(data)

    def end_input(self) -> None:
        if self._terminal is None:
            self._input.end()

    def resize(self, terminal: Terminal) -> None:
        if self._terminal is not None:
            size = (terminal.rows, terminal.columns, terminal.width_pixels, terminal.height_pixels)
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *(min(each, 0xFFFF) for each in size)))

    def signal(self, name: str) -> None:
        if name in SIGNALS:
            self._group.signal(SIGNALS[name])

    def pause(self) -> None:
        for output in self._outputs:
            output.pause()

    def resume(self) -> None:
        for output in self._outputs:
            output.resume()

    def hang_up(self) -> None:
        if self._terminal is not None:
            self._close_streams()
        else:
            # The outputs stay open: a closed one would kill the program at its next write.
            self._input.close()
            self.resume()
        self._group.signal(signal.SIGHUP)

    def kill_session(self) -> None:
        self._group.kill_session()

    def exit_code(self) -> int:
        return self._group.exit_code()

    def close(self) -> None:
        self._close_streams()
        self._group.release()

    def _close_streams(self) -> None:
        self._input.close()
        for output in self._outputs:
            output.close()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def _start_on_pipes(self, arguments: list[bytes], environment: Mapping[bytes, bytes], folder: bytes) -> list[int]:
        """Start it and return our ends of its standard input, output and error."""
        ours: list[int] = []
        theirs: list[int] = []
        try:
            for is_input in (True, False, False):
                read_end, write_end = os.pipe()
                ours.append(write_end if is_input else read_end)
                theirs.append(read_end if is_input else write_end)
            self._group = ProcessGroup(
                arguments, stdin=theirs[0], stdout=theirs[1], stderr=theirs[2], environment=environment, folder=folder
            )
        except BaseException:
            _close_all(ours)
            raise
        finally:
            _close_all(theirs)
        return ours

    def _start_on_terminal(
        self, arguments: list[bytes], environment: Mapping[bytes, bytes], folder: bytes, terminal: Terminal
    ) -> list[int]:
        """Start it and return our end of the terminal twice: for writing and for reading."""
        ours, theirs = os.openpty()
        ends = [ours]
        try:
            ends += [os.dup(ours), os.dup(ours)]
            self._terminal = ours
            self.resize(terminal)
            self._group = ProcessGroup(
                [b"/bin/sh", b"-c", OWN_TERMINAL, os.fsencode(os.ttyname(theirs)), *arguments],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                environment=environment,
                folder=folder,
            )
        except BaseException:
            _close_all(ends)
            raise
        finally:
            os.close(theirs)
        return ends[1:]

    def _output_of(self, *, is_error: bool) -> Callable[[bytes], None]:
        return lambda data: self._handlers.output(data, is_error)

    def _output_ended(self) -> None:
        self._open_outputs -= 1
        if self._open_outputs == 0:
            self.outputs_closed.set()


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
