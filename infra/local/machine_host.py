"""The host of local machines: processes that play the instances of a local cloud, started and stopped over HTTP.

It listens on 127.0.0.1 and answers only below a path that cannot be guessed, which its `url` holds. A machine is a
sample agent in a folder of its own, or an idle process where it joins no cluster. All of them end with the host.
"""

import json
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from chalicelib.kit.clock import SystemClock, to_seconds_text
from infra.local.agents import SampleAgent
from infra.local.emulator import HOST
from infra.local.loops import LoopThread
from infra.local.processes import GuardedProcess
from infra.local.sample_processes import inherited_environment, write_secret

Json = dict[str, Any]

CONSOLE_BYTES = 64 * 1024
"""The end of a machine's log that is shown, as much as EC2 keeps."""

_IDLE = (sys.executable, "-c", "import signal; signal.pause()")


class MachineHost:
    """A server thread, from its creation to `stop`. Machines have their folders in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="machines-", dir=folder))
        self._token = secrets.token_urlsafe(32)
        self._machines: dict[str, LocalMachine] = {}
        self._lock = Lock()
        self._runner: web.AppRunner | None = None
        self._loop = LoopThread("machine-host")
        self.port = self._loop.run(self._start())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address for the provider `local`. It is a secret: who knows it can start processes here."""
        return f"http://{HOST}:{self.port}/{self._token}"

    def stop(self) -> None:
        """End all machines and close the port. Safe to repeat."""
        self._loop.stop(self._close)
        with self._lock:
            machines, self._machines = list(self._machines.values()), {}
        for each in machines:
            each.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def machine(self, instance_id: str) -> "LocalMachine | None":
        """The machine of an instance."""
        with self._lock:
            return self._machines.get(instance_id)

    async def _start(self) -> int:
        app = web.Application()
        below = f"/{self._token}/machines"
        app.router.add_get(below, self._list)
        app.router.add_put(f"{below}/{{id}}", self._launch)
        app.router.add_delete(f"{below}/{{id}}", self._terminate)
        app.router.add_get(f"{below}/{{id}}/console", self._console)
        app.router.add_post(f"{below}/{{id}}/{{act:start|stop|reset}}", self._act)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        return int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _list(self, _request: web.Request) -> web.Response:
        with self._lock:
            machines = list(self._machines.values())
        return web.json_response({"machines": [each.description() for each in machines]})

    async def _launch(self, request: web.Request) -> web.Response:
        instance_id = request.match_info["id"]
        wanted = json.loads(await request.read())
        with self._lock:
            machine = self._machines.get(instance_id)
            if machine is None:
                machine = self._machines[instance_id] = LocalMachine(instance_id, wanted, self._folder)
                machine.start(0)
        return web.json_response(machine.description())

    async def _act(self, request: web.Request) -> web.Response:
        machine = self._found(request)
        wanted = json.loads(await request.read())
        acts: Mapping[str, Callable[[int], None]] = {
            "start": machine.start,
            "stop": machine.shut_down,
            "reset": machine.reset,
        }
        acts[request.match_info["act"]](int(wanted["generation"]))
        return web.json_response(machine.description())

    async def _terminate(self, request: web.Request) -> web.Response:
        machine = self._found(request)

        def forget() -> None:
            with self._lock:
                self._machines.pop(machine.instance_id, None)

        machine.terminate(forget)
        return web.json_response(machine.description())

    async def _console(self, request: web.Request) -> web.Response:
        return web.json_response({"output": self._found(request).console()})

    def _found(self, request: web.Request) -> "LocalMachine":
        machine = self.machine(request.match_info["id"])
        if machine is None:
            raise web.HTTPNotFound
        return machine


class LocalMachine:
    """A process with a folder. Work that takes time, such as a shutdown, is done in a thread; one thing at a time."""

    def __init__(self, instance_id: str, wanted: Json, folder: Path) -> None:
        self.instance_id = instance_id
        self._wanted = wanted
        self._since = to_seconds_text(SystemClock().now())
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._agent: SampleAgent | None = None
        if wanted["agent"] is not None:
            write_secret(self._folder / "enrollment.key", wanted["agent"]["key"])
            self._agent = SampleAgent(self._folder, wanted["agent"]["node_id"])
        self._idle: GuardedProcess | None = None
        self._is_on = False
        """Whether it was switched on last: a process that ended by itself has failed."""
        self._doing = ""
        self._generation = 0
        self._lock = Lock()
        self._process_lock = Lock()

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        process = self._agent or self._idle
        return process is not None and process.running

    def description(self) -> Json:
        """Its state, as the provider reads it."""
        state = self._doing or ("running" if self.running else "stopped")
        failed = state == "stopped" and self._is_on
        return {
            "instance": self.instance_id,
            "id": f"local-{self.instance_id}",
            "tenant": self._wanted["tenant"],
            "zone": self._wanted["zone"],
            "since": self._since,
            "state": state,
            "address": HOST,
            "generation": self._generation,
            "reason": "the process of the machine ended by itself: its console says why" if failed else "",
        }

    def console(self) -> str:
        """The end of its log."""
        log = self._folder / "agent.log"
        return log.read_bytes()[-CONSOLE_BYTES:].decode(errors="replace") if log.exists() else ""

    def start(self, generation: int) -> None:
        """Start the process unless it runs."""
        with self._lock:
            if not self._doing and not self.running:
                self._run()
            self._generation = max(self._generation, generation)

    def shut_down(self, generation: int) -> None:
        """Ask the process to end (SIGTERM), and wait for it in the background."""
        self._generation = max(self._generation, generation)
        self._is_on = False
        self._in_background("stopping", self._stop)

    def reset(self, generation: int) -> None:
        """Kill the process and start it anew, once for each generation."""
        with self._lock:
            if generation <= self._generation or self._doing:
                return
            self._kill()
            self._run()
            self._generation = generation

    def terminate(self, done: Callable[[], None]) -> None:
        """Kill the process and remove its folder in the background; then call ``done``."""

        def remove() -> None:
            self.end()
            done()

        self._is_on = False
        self._in_background("ending", remove)

    def end(self) -> None:
        """Kill the process and remove its folder. Safe to repeat."""
        self._kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        if self._agent is not None:
            self._agent.start()
        else:
            with (self._folder / "agent.log").open("ab") as output:
                self._idle = GuardedProcess(
                    _IDLE, environment=inherited_environment(), output=output, folder=self._folder
                )
        self._is_on = True

    def _stop(self) -> None:
        process = self._agent or self._idle
        if process is not None:
            with self._process_lock:
                process.stop()

    def _kill(self) -> None:
        process = self._agent or self._idle
        if process is not None:
            with self._process_lock:
                process.kill()

    def _in_background(self, doing: str, work: Callable[[], None]) -> None:
        with self._lock:
            if self._doing in {doing, "ending"}:
                return
            self._doing = doing

        def run() -> None:
            work()
            with self._lock:
                if self._doing == doing:
                    self._doing = ""

        Thread(target=run, name=f"{doing}-{self.instance_id}", daemon=True).start()
