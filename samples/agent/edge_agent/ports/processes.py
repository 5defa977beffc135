"""The processes port: programs that the agent starts, and what the system reports about processes and load."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

from edge_agent.exposition import MetricFamily
from edge_agent.ports import host_figures, machine_facts
from edge_agent.ports.login_program import LoginHandlers, SystemLoginProgram, Terminal
from edge_agent.ports.process_group import OrphanReaper, ProcessGroup, start_watching
from edge_agent.ports.process_table import kill_by_variable
from edge_agent.ports.streams import OutputStream
from edge_agent.ports.threads import call_in_loop

__all__ = ["LoginHandlers", "LoginProgram", "ProcessFigures", "Processes", "Program", "SystemProcesses", "Terminal"]

LEFTOVER_SEARCHES = 10
FIRST_PROCESS = 1


@dataclass(frozen=True)
class ProcessFigures:
    """The agent's process and its descendants. Sizes are resident memory in bytes."""

    descendants: int
    own_bytes: int
    descendants_bytes: int


class Program(Protocol):
    """A started program that leads a process group. `exited` is set when it has ended, `outputs_closed` when no process
    holds its output open any more."""

    exited: asyncio.Event
    outputs_closed: asyncio.Event

    def signal(self, name: str) -> None:
        """Signal the whole group, by a name such as TERM. An unknown name is ignored."""

    def kill_session(self) -> None:
        """Kill the group and all other groups of its session."""

    def exit_code(self) -> int:
        """The exit status of the program, which must have exited; 128 + n if signal n killed it."""

    def close(self) -> None:
        """Release everything. Kills nothing; nothing may be signalled afterwards."""


class LoginProgram(Program, Protocol):
    """A program of an SSH session, with an input and perhaps a terminal."""

    def write(self, data: bytes) -> None: ...

    def end_input(self) -> None:
        """Close its standard input once all data is written. A terminal has no end of input."""

    def resize(self, terminal: Terminal) -> None: ...

    def pause(self) -> None:
        """Stop reading its output."""

    def resume(self) -> None: ...

    def hang_up(self) -> None:
        """Close its input or terminal and send SIGHUP."""


class Processes(Protocol):
    """Starts programs and looks after them. Environments are bytes: variables need not be text."""

    def start_command(self, text: str, environment: Mapping[bytes, bytes], output: Callable[[bytes], None]) -> Program:
        """Start a command line under `/bin/sh`, with empty input; its standard output and error arrive in order.

        The shell gets the text in UTF-8, in any locale. Raises OSError or ValueError if the system refuses it.
        """

    def start_login(
        self,
        command: bytes | None,
        terminal: Terminal | None,
        environment: Mapping[bytes, bytes],
        handlers: LoginHandlers,
    ) -> LoginProgram:
        """Start the user's login shell, or a command under it. Raises OSError or ValueError if the system refuses it.

        With a terminal, that is the controlling terminal and carries all streams.
        """

    def start_detached(
        self, text: str, environment: Mapping[bytes, bytes], output: PurePath, ended: Callable[[int], None]
    ) -> None:
        """Start a command line that outlives the agent; its output replaces a file. `ended` gets the exit status.

        Raises OSError or ValueError if the system refuses it.
        """

    def kill_by_variable(self, name: str, value: str) -> int:
        """Kill every process with a variable in its environment, and return how many. Blocking.

        Processes that dropped the variable are not found, nor are any where the system shows no environments.
        """

    @property
    def inherits_orphans(self) -> bool:
        """Whether this is the first process of a container, which has to reap the orphans of others."""

    def reap_orphans(self) -> None:
        """Reap the orphans that were zombies at the previous call too."""

    def figures(self) -> ProcessFigures:
        """Figures of this process and its descendants. Blocking; raises any exception on an odd system."""

    def machine_facts(self) -> dict[str, str | list[str]]:
        """Host name, architecture, kernel and addresses of this machine; unknown ones are left out."""
        ...

    def host_figures(self) -> list[MetricFamily]:
        """Figures of the machine. Blocking; raises `UnavailableError` if the system shows none."""


class SystemProcesses:
    """The machine's processes."""

    def __init__(self) -> None:
        self._orphans = OrphanReaper()

    def start_command(self, text: str, environment: Mapping[bytes, bytes], output: Callable[[bytes], None]) -> Program:
        return _ShellProgram(text, environment, output)

    def start_login(
        self,
        command: bytes | None,
        terminal: Terminal | None,
        environment: Mapping[bytes, bytes],
        handlers: LoginHandlers,
    ) -> LoginProgram:
        return SystemLoginProgram(command, terminal, environment, handlers)

    def start_detached(
        self, text: str, environment: Mapping[bytes, bytes], output: PurePath, ended: Callable[[int], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            process = subprocess.Popen(  # noqa: S603 - the command is the owner's
                ["/bin/sh", "-c", text],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

        def watch() -> None:
            exit_code = process.wait()
            call_in_loop(loop, lambda: ended(exit_code))

        start_watching(watch)

    def kill_by_variable(self, name: str, value: str) -> int:
        return kill_by_variable(name, value, signal.SIGKILL, LEFTOVER_SEARCHES)

    @property
    def inherits_orphans(self) -> bool:
        return os.getpid() == FIRST_PROCESS

    def reap_orphans(self) -> None:
        self._orphans.look()

    def figures(self) -> ProcessFigures:
        return ProcessFigures(*host_figures.process_tree())

    def machine_facts(self) -> dict[str, str | list[str]]:
        return machine_facts.system_facts()

    def host_figures(self) -> list[MetricFamily]:
        return host_figures.host_figures()


class _ShellProgram:
    def __init__(self, text: str, environment: Mapping[bytes, bytes], output: Callable[[bytes], None]) -> None:
        read_end, write_end = os.pipe()
        try:
            self._group = ProcessGroup(
                [b"/bin/sh", b"-c", b"--", text.encode()],
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                environment=environment,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self.exited = self._group.exited
        self.outputs_closed = asyncio.Event()
        self._output = OutputStream(read_end, output, self.outputs_closed.set)

    def signal(self, name: str) -> None:
        self._group.signal(signal.Signals[f"SIG{name}"])

    def kill_session(self) -> None:
        self._group.kill_session()

    def exit_code(self) -> int:
        return self._group.exit_code()

    def close(self) -> None:
        self._output.close()
        self._group.release()
