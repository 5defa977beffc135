"""A machine on which the agent's own code runs: it boots, is cut off, loses power, and starts its agent again.

A machine's disk outlives its processes. What dies is asked nothing more: its disk is taken as it stands at that call.
"""

import asyncio
import io
import selectors
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from random import Random
from typing import Any

from edge_agent.agent import Agent
from edge_agent.enrollment import ServicePorts
from edge_agent.enrollment_key import KeySource
from edge_agent.errors import FatalError
from edge_agent.event_log import EventLog
from edge_agent.executor import CommandLimits
from edge_agent.leaving import leave_is_requested, request_leave
from edge_agent.options import MetricsOptions, Options, SshOptions
from edge_agent.ports import Ports
from edge_agent.runtime import Runtime
from edge_agent.state_directory import HOST_KEY_FILE, StateDirectory

from samples.agent.tests.support.memory_ports import InlineThreads
from tests.simulation.engine.gateway import Gateway
from tests.simulation.engine.machine_ports import Dead, MachineClock, MachineDisk, MachineNetwork, MachineProcesses
from tests.simulation.engine.ssh import PORT, Listener, SshClient, host_key_of
from tests.simulation.engine.world import SimulatedWorld

STATE = PurePath("/state")
RESTART_SECONDS = (2.0, 40.0)
IDLE_SECONDS, CHECK_SECONDS = 86_400.0, 60.0
MOST_TORN_BYTES = 200
MOST_ENDINGS = 300
SKEWS_SECONDS = (-3 * 365 * 86400.0, -3600.0, -40.0, 40.0, 3600.0, 3 * 365 * 86400.0)


class Machine:
    """``started`` are the ids of the executions whose programs ran here, in order; ``reported`` the results that were
    sent, by id. ``key`` is the enrollment key in its file, ``key_id`` the key's id. One that ``is_deaf`` is heard, and
    hears nothing."""

    def __init__(
        self,
        world: SimulatedWorld,
        gateway: Gateway,
        number: int,
        node_id: str,
        key: tuple[str, str],
        *,
        updates: bool,
    ) -> None:
        self.world, self.gateway = world, gateway
        self.number, self.id, self.updates = number, node_id, updates
        self.key_id, self.key = key
        self.address = f"198.51.100.{number % 250}"
        self.chance = Random(f"{world.seed} machine {number}")
        self.skew_seconds = 0.0
        if world.weather.strikes("wrong_clock"):
            self.skew_seconds = world.weather.chance("wrong_clock").choice(SKEWS_SECONDS)
        self.disk = MachineDisk()
        self.disk.write(STATE / HOST_KEY_FILE, host_key_of(number))
        self.disk.sync_folder(STATE)
        self.is_cut_off = False
        self.is_deaf = False
        self.is_switched_off = False
        self.is_leaving = False
        self.stopped_for_good: str | None = None
        self.process: Process | None = None
        self.started: list[str] = []
        self.reported: dict[str, list[Any]] = {}
        self.remains: list[Any] = []
        self.log = io.StringIO()

    @property
    def token(self) -> str:
        """The token that its agent has now, "" if it has none."""
        process = self.process
        session = None if process is None else process.token()
        return session or ""

    @property
    def works(self) -> bool:
        """Whether its agent runs and has an identity."""
        return self.process is not None and bool(self.token)

    def boot(self) -> None:
        """Start the agent, as its unit does."""
        if self.process is None and not self.is_switched_off and self.stopped_for_good is None:
            self.disk.release_locks()
            self.process = Process(self)
            self.process.begin()

    def kill(self, *, power_cut: bool = False) -> None:
        """End the agent's process at once; with a power cut the disk loses what was not synced. It starts again."""
        process, self.process = self.process, None
        if process is None:
            return
        process.is_dead = True
        if power_cut:
            self.disk = self.disk.after_power_cut(self.chance.choice((0, self.chance.randrange(MOST_TORN_BYTES))))
        else:
            self.disk = self.disk.taken_over()
        process.leave()
        self.remains.append(process)
        self.world.timeline.after(self.chance.uniform(*RESTART_SECONDS), self.boot)

    def log_in(self, username: str, *, key: str = "", password: str = "") -> SshClient | None:
        """Somebody connects to its SSH server, with a key or with a password; None where nothing accepts that."""
        process = self.process
        connect = None if process is None or self.is_cut_off else process.ssh.connect
        return None if connect is None else SshClient(process, connect(), username, key=key, password=password)

    def leave(self) -> None:
        """Somebody at the machine asks its agent to leave. Raises OSError."""
        process, self.disk.process = self.disk.process, None  # another process writes the wish
        try:
            request_leave(StateDirectory(STATE, self.disk), MachineClock(self.world.clock, self, self.skew_seconds))
        finally:
            self.disk.process = process
        self.is_leaving = True

    @property
    def wants_to_leave(self) -> bool:
        """Whether that wish is still on its disk: not once it has left, nor if a power cut took it."""
        return leave_is_requested(StateDirectory(STATE, self.disk))

    def ended(self, reason: BaseException | None) -> None:
        """The agent's process has ended by itself."""
        process, self.process = self.process, None
        if process is not None:
            process.is_dead = True
            process.leave()
            self.remains.append(process)
        fatal = _fatal_in(reason)
        if fatal is not None:
            self.stopped_for_good = str(fatal)
        else:
            self.world.timeline.after(self.chance.uniform(*RESTART_SECONDS), self.boot)

    def switch_off(self) -> None:
        self.is_switched_off = True
        self.kill()

    def switch_on(self) -> None:
        self.is_switched_off = False
        self.boot()

    def clear(self) -> None:
        """The history is over."""
        if self.process is not None:
            self.process.is_dead = True
            self.process.leave()
            self.remains.append(self.process)
        self.process = None
        for process in self.remains:
            process.close()
        self.remains.clear()


def _fatal_in(error: BaseException | None) -> FatalError | None:
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_fatal_in, error.exceptions)), None)
    return error if isinstance(error, FatalError) else None


class Process:
    """One run of the agent on a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.is_dead = False
        self._leaving: list[Callable[[], None]] = []
        self.loop = asyncio.SelectorEventLoop(_StopWhenIdle())
        machine.disk.process = self
        clock = MachineClock(machine.world.clock, self, machine.skew_seconds)
        self.ports = Ports(clock, InlineThreads(), machine.disk, MachineNetwork(self), MachineProcesses(clock, machine))
        self.ssh = Listener()
        self._runtime: Runtime | None = None
        self._agent: Agent | None = None

    def begin(self) -> None:
        task = self.loop.create_task(self._run())
        task.add_done_callback(self._ended)
        self.work()

    async def _run(self) -> None:
        machine = self.machine
        seed = f"{machine.world.seed} machine {machine.number} process {len(machine.remains)}"
        log = EventLog(machine.log, self.ports.clock)
        self._runtime = Runtime(_options(machine), self.ports, Random(seed), log)
        await Agent(self._runtime).run()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not self.is_dead:
            reason = None if task.cancelled() else task.exception()
            self.machine.world.timeline.after(0, lambda: None if self.is_dead else self.machine.ended(reason))

    def token(self) -> str | None:
        """What its identity file says."""
        return self.machine.disk.token(STATE)

    def soon(self, call: Callable[[], object]) -> None:
        """Something has happened for this process: let it go on until it waits for the next thing. From the timeline,
        never from within the process."""
        if not self.is_dead:
            self.loop.call_soon(call)
            self.work()

    def work(self) -> None:
        """Run until every task waits."""
        with suppress(Dead):
            self.loop.run_forever()

    def on_leaving(self, call: Callable[[], None]) -> None:
        self._leaving.append(call)

    def leave(self) -> None:
        """What the outside notices of its death."""
        for call in self._leaving:
            call()
        self._leaving.clear()

    def close(self) -> None:
        """Let its code come to its end, which nothing hears of: all its ports are dead."""
        self.loop.set_exception_handler(lambda _loop, _context: None)
        for _ in range(MOST_ENDINGS):
            tasks = asyncio.all_tasks(self.loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.work()
        self.loop.close()


class _StopWhenIdle(selectors.DefaultSelector):
    """Ends the loop where it would wait: only the timeline lets time pass."""

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout > 0:
            asyncio.get_running_loop().stop()
        return super().select(0)


def _options(machine: Machine) -> Options:
    return Options(
        state_dir=STATE,
        keys=KeySource(lambda: machine.key),
        node_id=machine.id,
        random_id=False,
        machine_id_file=PurePath("/etc/machine-id"),
        network_name=None,
        ca_file=None,
        service_ports=ServicePorts(1, 2, 3, 4, 5, 6),
        push=None,
        ssh=SshOptions("127.0.0.1", PORT, idle_seconds=IDLE_SECONDS, check_seconds=CHECK_SECONDS),
        metrics=MetricsOptions(port=None, node_exporter_url=None, interval_seconds=None),
        aliases=(),
        labels={},
        self_update_command="1 0 updated" if machine.updates else None,
        versions=None,
        limits=CommandLimits(max_parallel=4, cancel_grace_seconds=5.0),
        environment={},
    )
