import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, TypeVar

from edge_agent import __version__
from edge_agent.agent_api import AgentApi
from edge_agent.command_services import CommandServices
from edge_agent.enrollment import Enroller, ServicePorts
from edge_agent.errors import FatalError, RefusedError, describe
from edge_agent.health import HealthChecks
from edge_agent.identity import Node, load_identity, save_identity
from edge_agent.journal import Journal
from edge_agent.journal_writer import JournalWriter
from edge_agent.leaving import leave, leave_is_requested, watch_for_leave
from edge_agent.listen_sockets import ListenSockets, ReservedAddress
from edge_agent.node_services import NodeServices
from edge_agent.ports.network import Handler
from edge_agent.push_api import PushApi
from edge_agent.runtime import Runtime
from edge_agent.session import Session
from edge_agent.startup import Startup
from edge_agent.state_directory import StateDirectory
from edge_agent.supervisor import Supervisor
from edge_agent.waiting import first_of, until_first

T = TypeVar("T")


class Agent:
    """One run of the agent: enrol, recover, serve until stopped.

    `run` returns after `Runtime.stop` is set, and leaves no process of a command behind. It raises `FatalError` if
    somebody has to act at this machine. All other errors are retried: of the server, its refusals, and of the disk.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._options = runtime.options
        self._ports = runtime.ports
        self._log = runtime.log
        self._leaving = asyncio.Event()

    async def run(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._failed_in_loop)
        self._log.write("agent.starting", version=__version__)
        with ExitStack() as resources:
            resources.callback(self._ports.network.close)
            startup = self._startup(resources)
            state = await self._unless_ended(startup.state())
            if state is not None:
                if leave_is_requested(state):
                    self._leaving.set()
                else:
                    watching = asyncio.ensure_future(watch_for_leave(state, self._ports.clock, self._leaving))
                    resources.callback(watching.cancel)
                    await self._work(startup, state, resources)
                if self._leaving.is_set() and not self._runtime.stop.is_set():
                    await self._leave(state)
        self._log.write("agent.stopped")

    async def _work(self, startup: Startup, state: StateDirectory, resources: ExitStack) -> None:
        prepared = await self._unless_ended(self._prepare(startup, state, resources))
        if prepared is not None:
            await self._serve(*prepared)

    async def _leave(self, state: StateDirectory) -> None:
        """Leave, unless stopped first. Raises `FatalError` afterwards: nothing may start this agent again by itself."""
        runtime = self._runtime
        leaving = leave(state, runtime.client, runtime.new_backoff, self._ports.clock, self._log)
        try:
            await until_first(leaving, runtime.stop)
        except (RefusedError, OSError) as error:
            self._log.write("leave.failed", reason=describe(error))
            return
        if not runtime.stop.is_set():
            raise FatalError("this machine has left the fleet; a new enrollment key makes it a node again")

    async def enrol(self) -> str:
        """Get this machine an identity, or a fresh one for the stored one, and return the node's id.

        Raises `RefusedError` if the server refuses, `FatalError`, OSError. Requests without an answer are retried.
        """
        with ExitStack() as resources:
            resources.callback(self._ports.network.close)
            startup = self._startup(resources)
            state = await startup.state()
            node = await startup.node(state)
            enroller = self._enroller(node, self._options.service_ports)
            stored = load_identity(state)
            identity = await (enroller.enrol() if stored is None else enroller.renew(stored))
            save_identity(state, identity)
            return identity.node_id

    def _startup(self, resources: ExitStack) -> Startup:
        runtime = self._runtime
        return Startup(self._options, resources, runtime.new_backoff, self._ports, runtime.rng, self._log)

    async def _prepare(
        self, startup: Startup, state: StateDirectory, resources: ExitStack
    ) -> tuple[Session, StateDirectory, Journal, ListenSockets]:
        journal = await startup.journal(state)
        node = await startup.node(state)
        sockets = resources.enter_context(ListenSockets(self._options, self._ports.network))
        self._make_host_key(state)
        session = Session(
            client=self._runtime.client,
            enroller=self._enroller(node, sockets.service_ports),
            state=state,
            new_backoff=self._runtime.new_backoff,
            new_slow_backoff=self._runtime.new_slow_backoff,
            ports=self._ports,
            server_time=self._runtime.server_time,
            log=self._log,
        )
        await session.open(register_again=not startup.is_moved)
        return session, state, journal, sockets

    def _make_host_key(self, state: StateDirectory) -> None:
        """The registration tells it. On a disk that fails now, the SSH server makes it later."""
        if self._options.ssh is not None:
            from edge_agent.ssh_server import host_key  # noqa: PLC0415 - see `NodeServices`

            with suppress(OSError):
                host_key(state, self._log)

    def _enroller(self, node: Node, service_ports: ServicePorts) -> Enroller:
        return Enroller(
            client=self._runtime.client,
            node=node,
            ports=service_ports,
            self_update_enabled=self._options.updates_itself,
            facts=self._runtime.facts,
            keys=self._options.keys,
            network_name=self._options.network_name,
            backoff=self._runtime.new_backoff(),
            counters=self._runtime.counters,
            clock=self._ports.clock,
            server_time=self._runtime.server_time,
            log=self._log,
        )

    async def _serve(self, session: Session, state: StateDirectory, journal: Journal, sockets: ListenSockets) -> None:
        runtime = self._runtime
        with ExitStack() as resources:
            worker = self._ports.threads.worker("journal")
            resources.callback(worker.close)
            writer = JournalWriter(worker, runtime.new_backoff, self._ports.clock, self._log)
            async with asyncio.TaskGroup() as tasks:
                supervisor = Supervisor(tasks, runtime.new_backoff, self._ports.clock, self._log)
                api = AgentApi(session, self._log)
                checks = HealthChecks(state, journal, session, self._ports.threads)
                commands = CommandServices(
                    runtime=runtime,
                    session=session,
                    state=state,
                    journal=journal,
                    writer=writer,
                    api=api,
                    checks=checks,
                    spawn=supervisor.spawn,
                )
                node = NodeServices(
                    runtime=runtime,
                    sockets=sockets,
                    state=state,
                    session=session,
                    api=api,
                    executor=commands.executor,
                    checks=checks,
                )
                runs = [*commands.runs(node.frames()), *node.runs(supervisor.spawn)]
                if sockets.push is not None:
                    push_api = self._push_api(commands, session, checks, node)
                    runs.append(("push", partial(self._serve_push, push_api.handle, sockets.push, resources)))
                services = [supervisor.keep(name, run) for name, run in runs]
                await first_of(self._ports.clock, runtime.stop, self._leaving)
                if self._leaving.is_set():
                    await commands.drain(runtime.stop)
                self._log.write("agent.stopping")
                for service in services:
                    service.cancel()
                await asyncio.gather(node.stop(), commands.stop_executions(), return_exceptions=True)
                await commands.stop_reports()

    async def _serve_push(self, handler: Handler, address: ReservedAddress, resources: ExitStack) -> None:
        bound = address.bind()
        failed = partial(self._runtime.log_http_failure, bound.address[1])
        resources.callback(self._ports.network.serve_http(bound, handler, failed).close)
        host, port = bound.address
        self._log.write("push.listening", host=host, port=port)

    def _push_api(
        self, commands: CommandServices, session: Session, checks: HealthChecks, node: NodeServices
    ) -> PushApi:
        return PushApi(
            executor=commands.executor,
            identity=lambda: session.identity,
            checks=checks,
            metrics=node.agent_text,
            trigger_update=None if node.updater is None else node.updater.poll_now,
            clock=self._ports.clock,
            log=self._log,
        )

    def _failed_in_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an exception of a callback or of a task that is not awaited."""
        error = context.get("exception")
        self._log.write("task.failed", task="loop", reason="unknown" if error is None else describe(error))

    async def _unless_ended(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`; None if the agent is to stop or to leave first."""
        return await until_first(work, self._runtime.stop, self._leaving)
