"""The agent's ports on a simulated machine: the world's time with its own error, a disk that tears and fills up, the
gateway, and programs as a model."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from edge_agent.errors import NetworkError, WebSocketRefusedError
from edge_agent.identity import IDENTITY_FILE
from edge_agent.ports.network import Response
from edge_agent.shell_command import EXECUTION_VARIABLE
from edge_agent.ssh_connection import SshConnection

from samples.agent.tests.support.memory_ports import MemoryDisk, MemoryProcesses, MemoryProgram, VirtualClock
from tests.simulation.engine.ssh import Listener

CONNECT_SECONDS = 5.0
BROKEN_SECONDS = 0.3
OK = 200
_RESULT = re.compile(r"/agents/command_executions/([^/]+)/result$")
TALKING, TALK_SECONDS = "talking ", 7.0
"""What a program says that writes all the time, and how often."""

_TALKS = f" {TALKING}"
_PROGRAM = re.compile(r"[0-9.]+ [0-9]+ ")


class Dead(SystemExit):
    """The process is dead from this call on. asyncio passes a `SystemExit` on at once."""


MICROSECOND = 1e-6


class MachineClock(VirtualClock):
    """The time of the world, off by what this machine's clock is off. Timers are those of the world."""

    def __init__(self, clock: Any, process: Any, skew_seconds: float) -> None:
        super().__init__()
        self._world_clock, self._process, self._skew = clock, process, timedelta(seconds=skew_seconds)
        self._began = clock.now()

    def now(self) -> datetime:
        return self._world_clock.now() + self._skew

    def monotonic(self) -> float:
        return (self._world_clock.now() - self._began).total_seconds()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Any:
        timer = _Timer(call)
        process = self._process
        # Never early: what looks at the time again, and finds it a fraction too soon, would do so for ever.
        process.machine.world.timeline.after(max(seconds, 0) + MICROSECOND, lambda: timer.fire(process))
        return timer


class _Timer:
    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self._call = None

    def fire(self, process: Any) -> None:
        if self._call is not None:
            process.soon(self._call)


class MachineDisk(MemoryDisk):
    """A disk at whose calls its process may die, and lose power, in the middle of a write too."""

    def __init__(self) -> None:
        super().__init__()
        self.process: Any = None

    def taken_over(self) -> "MachineDisk":
        """The same content for the next process: the system has kept what was written. What the dead one still writes
        on its way out does not reach it."""
        disk = MachineDisk()
        disk.is_full = self.is_full
        copies = {id(inode): inode.copy() for inode in (*self._names.values(), *self._synced_names.values())}
        disk.hold(
            {name: copies[id(inode)] for name, inode in self._names.items()},
            {name: copies[id(inode)] for name, inode in self._synced_names.items()},
        )
        return disk

    def after_power_cut(self, unsynced_bytes: int = 0) -> "MachineDisk":
        disk: MachineDisk = super().after_power_cut(unsynced_bytes)
        disk.is_full = self.is_full
        return disk

    def token(self, state: PurePath) -> str | None:
        with suppress(OSError, ValueError, KeyError):
            return str(json.loads(self.read(state / IDENTITY_FILE))["api_token"])
        return None

    def check_space(self) -> None:
        self._meet()
        super().check_space()

    def write(self, path: PurePath, content: bytes) -> None:
        if self._weather_strikes("torn_write"):
            super().write(path, content[: len(content) // 2])
            self._die()
        super().write(path, content)

    def rename(self, source: PurePath, target: PurePath) -> None:
        self._meet()
        super().rename(source, target)

    def remove(self, path: PurePath) -> None:
        self._meet()
        super().remove(path)

    def sync_folder(self, folder: PurePath) -> None:
        self._meet()
        super().sync_folder(folder)

    def _meet(self) -> None:
        if self.process is not None and self.process.is_dead:
            raise Dead
        if self._weather_strikes("agent_killed"):
            self._die()
        if self._weather_strikes("power_cut"):
            self._die(power_cut=True)

    def _die(self, *, power_cut: bool = False) -> None:
        self.process.machine.kill(power_cut=power_cut)
        raise Dead

    def _weather_strikes(self, name: str) -> bool:
        process = self.process
        return process is not None and not process.is_dead and process.machine.world.weather.strikes(name)


class MachineNetwork:
    """Carries requests and sockets to the gateway."""

    def __init__(self, process: Any) -> None:
        self._process, self._machine = process, process.machine

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, limits: Any
    ) -> Response:
        machine, weather = self._machine, self._machine.world.weather
        path = "/" + url.split("/", 3)[3]
        if method == "PATCH" and (found := _RESULT.search(path)) and body is not None:
            machine.reported.setdefault(found[1], []).append(json.loads(body))
        if weather.strikes("request_sent_twice"):
            with suppress(NetworkError):
                await self._send(method, path, headers, body, BROKEN_SECONDS)
        return await self._send(method, path, headers, body, limits.read_seconds)

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Response:
        machine, process = self._machine, self._process
        clock = process.ports.clock
        if machine.is_cut_off:
            await clock.sleep(CONNECT_SECONDS)
            raise NetworkError("cut off")
        answered: asyncio.Future[Response] = process.loop.create_future()

        def answer(told: Any) -> None:
            if told is not None and not (machine.is_cut_off or machine.is_deaf or process.is_dead):
                response = Response(told.status, told.headers, told.text.encode())
                process.soon(lambda: answered.done() or answered.set_result(response))

        text = None if body is None else body.decode()
        machine.gateway.http(method, path, headers, text, machine.address, answer)
        try:
            async with clock.timeout(seconds):
                return await answered
        except TimeoutError as error:
            raise NetworkError("no answer") from error

    @asynccontextmanager
    async def web_socket(self, _url: str, headers: Mapping[str, str]) -> AsyncIterator["MachineSocket"]:
        machine, process = self._machine, self._process
        clock = process.ports.clock
        if machine.is_cut_off:
            await clock.sleep(CONNECT_SECONDS)
            raise NetworkError("cut off")
        opened: asyncio.Future[tuple[int, str]] = process.loop.create_future()
        socket = MachineSocket(process)

        def answer(status: int, connection_id: str) -> None:
            socket.connection_id = connection_id
            if process.is_dead or opened.done():
                socket.leave()
            else:
                process.soon(lambda: opened.done() or opened.set_result((status, connection_id)))

        machine.gateway.connect(headers, socket, answer)
        process.on_leaving(socket.leave)
        try:
            async with clock.timeout(30.0):
                status, _ = await opened
            if status != OK:
                raise WebSocketRefusedError(status)
            yield socket
        except TimeoutError as error:
            if socket.connection_id is None or not opened.done():
                raise NetworkError("no answer") from error
            raise
        finally:
            socket.leave()

    def bind(self, _host: str, _port: int) -> Listener:
        self._process.ssh = Listener()
        return self._process.ssh

    async def serve_ssh(self, bound: Listener, *, server_factory: Callable[[], SshConnection], **_options: Any) -> Any:
        bound.connect = server_factory
        return bound

    def close(self) -> None:
        """Nothing is kept open."""


class MachineSocket:
    """The machine's end of its socket."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.connection_id: str | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        while (frame := await self._frames.get()) is not None:
            yield frame

    async def send(self, frame: str) -> None:
        machine = self._process.machine
        machine.gateway.overheard(machine, frame, True)
        if machine.is_cut_off or self.connection_id is None:
            return
        if not machine.gateway.say(self.connection_id, frame):
            self.hang_up()  # it ended while the machine was cut off

    def deliver(self, frame: str) -> None:
        machine = self._process.machine
        if not (machine.is_cut_off or machine.is_deaf):
            machine.gateway.overheard(machine, frame, False)
            self._process.soon(lambda: self._frames.put_nowait(frame))

    def hang_up(self) -> None:
        if not self._process.machine.is_cut_off:
            self._process.soon(lambda: self._frames.put_nowait(None))

    def leave(self) -> None:
        if self.connection_id is not None:
            self._process.machine.gateway.close(self.connection_id)


class MachineProcesses(MemoryProcesses):
    """Programs as a model: a command line that is not of its form takes a second and says nothing."""

    def __init__(self, clock: MachineClock, machine: Any) -> None:
        super().__init__(clock)
        self._machine = machine

    def start_command(
        self, text: str, environment: Mapping[bytes, bytes], output: Callable[[bytes], None]
    ) -> MemoryProgram:
        execution_id = environment.get(EXECUTION_VARIABLE.encode(), b"").decode()
        self._machine.started.append(execution_id)
        program = MemoryProgram(self._clock, text if _PROGRAM.match(text) else "1 0 ", output)
        if _TALKS in text:
            self._talk(program, text.split(" ", 2)[2])
        return program

    def _talk(self, program: MemoryProgram, text: str) -> None:
        """Have it say so again and again until it ends."""
        if not program.exited.is_set():
            program.write(text)
            self._clock.call_later(TALK_SECONDS, lambda: self._talk(program, text))

    def start_detached(self, text: str, environment: Any, output: PurePath, ended: Callable[[int], None]) -> None:
        self._clock.call_later(1.0, lambda: ended(0))

    def machine_facts(self) -> dict[str, str | list[str]]:
        return {"hostname": f"machine-{self._machine.number}"}
