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

from edge_agent.process_group import ProcessGroup
from edge_agent.program_environment import program_environment
from edge_agent.ssh_streams import InputStream, OutputStream

# Opening it again, as leader of a session that has none, makes the terminal the controlling one: there is no other way
# without code of ours between fork and exec, which threads forbid.
OWN_TERMINAL = b'exec "$@" <>"$0" >&0 2>&1'
SIGNALS = {
    name: getattr(signal, f"SIG{name}") for name in ("HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "ALRM")
}


@dataclass(frozen=True)
class Terminal:
    """What the client's terminal is; sizes in characters and pixels, 0 if unknown."""

    kind: str
    columns: int
    rows: int
    width_pixels: int
    height_pixels: int


@dataclass(frozen=True)
class Account:
    """The user that this process runs as: programs run as the same."""

    name: str
    home: str
    shell: str

    @classmethod
    def own(cls) -> "Account":
        try:
            entry = pwd.getpwuid(os.getuid())
        except KeyError:
            # A user that only a container knows.
            return cls(str(os.getuid()), "/", "/bin/sh")
        return cls(entry.pw_name, entry.pw_dir, entry.pw_shell or "/bin/sh")


class SshProgram:
    """A login shell, or a command under the shell, with its streams; leader of its own session.

    With a terminal, that is its controlling one and carries all streams. `take(data, is_error)` gets the outputs,
    `ended` is called when all are at their end, `full` and `room` are those of the input.
    """

    def __init__(
        self,
        command: bytes | None,
        terminal: Terminal | None,
        environment: Mapping[bytes, bytes],
        *,
        take: Callable[[bytes, bool], None],
        ended: Callable[[], None],
        full: Callable[[], None],
        room: Callable[[], None],
    ) -> None:
        """Start it. Raises OSError or ValueError where the system refuses."""
        account = Account.own()
        shell = os.fsencode(account.shell)
        arguments = [shell, b"-l"] if command is None else [shell, b"-c", command]
        folder = os.fsencode(account.home) if Path(account.home).is_dir() else b"/"
        names = {"HOME": account.home, "USER": account.name, "LOGNAME": account.name, "SHELL": account.shell}
        self._take = take
        self._ended = ended
        self._terminal: int | None = None
        self._outputs: list[OutputStream] = []
        environment = {**environment, **program_environment(names)}
        if terminal is None:
            descriptors = self._start_on_pipes(arguments, environment, folder)
        else:
            environment |= program_environment({}, TERM=terminal.kind)
            descriptors = self._start_on_terminal(arguments, environment, folder, terminal)
        to_program, *from_program = descriptors
        self._input = InputStream(to_program, full, room)
        self._open_outputs = len(from_program)
        for descriptor, is_error in zip(from_program, (False, True), strict=False):
            self._outputs.append(OutputStream(descriptor, self._taker(is_error=is_error), self._output_ended))

    def write(self, data: bytes) -> None:
        self._input.write(data)

    def end_input(self) -> None:
        """A terminal has no end of input: there the program ends by what is typed."""
        if self._terminal is None:
            self._input.end()

    def resize(self, terminal: Terminal) -> None:
        if self._terminal is not None:
            size = (terminal.rows, terminal.columns, terminal.width_pixels, terminal.height_pixels)
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *(min(each, 0xFFFF) for each in size)))

    def signal(self, name: str) -> None:
        """By the protocol's name; an unknown one is ignored."""
        if name in SIGNALS:
            self.group.signal(SIGNALS[name])

    def pause(self) -> None:
        for output in self._outputs:
            output.pause()

    def resume(self) -> None:
        for output in self._outputs:
            output.resume()

    def hang_up(self) -> None:
        """Take its terminal or input away, and tell it."""
        if self._terminal is not None:
            self._close_streams()
        else:
            # A closed output would kill it at its first word.
            self._input.close()
            self.resume()
        self.group.signal(signal.SIGHUP)

    def close(self) -> None:
        """Kill what is left of it and let go of everything."""
        self.group.kill_session()
        self._close_streams()
        self.group.release()

    def _close_streams(self) -> None:
        self._input.close()
        for output in self._outputs:
            output.close()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def _start_on_pipes(self, arguments: list[bytes], environment: Mapping[bytes, bytes], folder: bytes) -> list[int]:
        """The near ends of standard input, output and error."""
        near: list[int] = []
        far: list[int] = []
        try:
            for is_input in (True, False, False):
                read_end, write_end = os.pipe()
                near.append(write_end if is_input else read_end)
                far.append(read_end if is_input else write_end)
            self.group = ProcessGroup(
                arguments, stdin=far[0], stdout=far[1], stderr=far[2], environment=environment, folder=folder
            )
        except BaseException:
            _close_all(near)
            raise
        finally:
            _close_all(far)
        return near

    def _start_on_terminal(
        self, arguments: list[bytes], environment: Mapping[bytes, bytes], folder: bytes, terminal: Terminal
    ) -> list[int]:
        """The terminal's near end twice: to write to, and to read from."""
        near, far = os.openpty()
        ends = [near]
        try:
            ends += [os.dup(near), os.dup(near)]
            self._terminal = near
            self.resize(terminal)
            self.group = ProcessGroup(
                [b"/bin/sh", b"-c", OWN_TERMINAL, os.fsencode(os.ttyname(far)), *arguments],
                stdin=far,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                environment=environment,
                folder=folder,
            )
        except BaseException:
            _close_all(ends)
            raise
        finally:
            os.close(far)
        return ends[1:]

    def _taker(self, *, is_error: bool) -> Callable[[bytes], None]:
        return lambda data: self._take(data, is_error)

    def _output_ended(self) -> None:
        self._open_outputs -= 1
        if self._open_outputs == 0:
            self._ended()


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
