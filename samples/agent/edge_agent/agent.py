import asyncio
import random
import signal
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

from edge_agent import __version__
from edge_agent.agent_api import AgentApi
from edge_agent.backoff import Backoff
from edge_agent.clock import Clock, ServerTime
from edge_agent.counters import Counters
from edge_agent.durable import StateDirectory
from edge_agent.enrollment import Enroller, Ports
from edge_agent.errors import FatalError, told
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.health import HealthReporter
from edge_agent.http_client import HttpClient, tls_context
from edge_agent.identity import choose_node, load_identity
from edge_agent.intake import Intake
from edge_agent.journal import Journal
from edge_agent.journal_thread import JournalThread
from edge_agent.listening import Door, Doors, address_of
from edge_agent.node_services import NodeServices, Run
from edge_agent.options import Options
from edge_agent.orphans import OrphanReaper
from edge_agent.push_api import PushApi
from edge_agent.reporter import Reporter
from edge_agent.session import Session
from edge_agent.supervisor import Supervisor
from edge_agent.wake_up import WakeUpSocket

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0
LONGEST_REFUSED_SECONDS = 3600.0
LAST_REPORTS_SECONDS = 5.0

T = TypeVar("T")


class Agent:
    """One run of the agent: enrol, recover, serve until told to stop.

    `run` returns after SIGTERM or SIGINT and leaves no process of a command behind. It raises FatalError where
    somebody has to act at this machine. All else is waited for: the server, what it refuses, and the disk, without
    which nothing is run.
    """

    def __init__(self, options: Options, clock: Clock, chance: random.Random, log: EventLog) -> None:
        self._options = options
        self._clock = clock
        self._chance = chance
        self._log = log
        self._server_time = ServerTime(clock)
        self._tls = tls_context(options.ca_file)
        self._counters = Counters()
        self._proxies = urllib.request.getproxies_environment()

    async def run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed_in_loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        with ExitStack() as resources:
            self._log.write("agent.starting", version=__version__)
            state = await _unless(stop, self._state(resources))
            if state is None:
                return
            client = HttpClient(tls=self._tls, proxies=self._proxies, server_time=self._server_time)
            resources.callback(client.close)
            doors = resources.enter_context(Doors(self._options))
            session = await _unless(stop, self._open_session(client, state, doors.ports))
            journal = None if session is None else await _unless(stop, self._open_journal(resources, state))
            if session is not None and journal is not None:
                await self._serve(session, state, journal, doors, stop)
            self._log.write("agent.stopped")

    async def _state(self, resources: ExitStack) -> StateDirectory:
        state = StateDirectory(self._options.state_dir)
        return await self._once_possible(lambda: resources.enter_context(state))

    async def _open_journal(self, resources: ExitStack, state: StateDirectory) -> Journal:
        journal = await self._once_possible(lambda: Journal(state.journal, self._clock))
        resources.callback(journal.close)
        return journal

    async def _open_session(self, client: HttpClient, state: StateDirectory, ports: Ports) -> Session:
        options = self._options
        node = await self._once_possible(
            lambda: choose_node(
                state, wanted=options.node_id, random_id=options.random_id, machine_id_file=options.machine_id_file
            )
        )
        if await self._once_possible(lambda: load_identity(state)) is None and options.keys.key() is None:
            raise FatalError("this machine is not enrolled and there is no enrollment key")
        enroller = Enroller(
            client=client,
            node=node,
            ports=ports,
            self_update_enabled=options.self_update_command is not None,
            keys=options.keys,
            network_name=options.network_name,
            backoff=self._new_backoff(),
            clock=self._clock,
            server_time=self._server_time,
            log=self._log,
        )
        session = Session(
            client=client,
            enroller=enroller,
            state=state,
            new_backoff=self._new_backoff,
            new_slow_backoff=self._new_slow_backoff,
            clock=self._clock,
            server_time=self._server_time,
            log=self._log,
        )
        await session.open()
        return session

    async def _once_possible(self, use_disk: Callable[[], T]) -> T:
        """What it returns, once the disk lets it: a full or failing one may be mended."""
        backoff = self._new_backoff()
        while True:
            try:
                return use_disk()
            except OSError as error:
                seconds = backoff.next_seconds()
                self._log.write("state.not_usable", reason=told(error), seconds=round(seconds, 3))
                await asyncio.sleep(seconds)

    async def _serve(
        self, session: Session, state: StateDirectory, journal: Journal, doors: Doors, stop: asyncio.Event
    ) -> None:
        with ExitStack() as resources:
            journal_thread = JournalThread(self._new_backoff, self._log)
            resources.callback(journal_thread.close)
            async with asyncio.TaskGroup() as tasks:
                supervisor = Supervisor(tasks, self._new_backoff, self._clock, self._log)
                api = AgentApi(session, self._log)
                reporter = Reporter(
                    api=api,
                    journal=journal,
                    journal_thread=journal_thread,
                    spool=state.spool,
                    new_backoff=self._new_backoff,
                    spawn=supervisor.spawn,
                    counters=self._counters,
                    log=self._log,
                )
                executor = Executor(
                    journal=journal,
                    journal_thread=journal_thread,
                    spool=state.spool,
                    report=reporter.submit,
                    spawn=supervisor.spawn,
                    server_time=self._server_time,
                    limits=self._options.limits,
                    environment=self._options.environment,
                    new_backoff=self._new_backoff,
                    counters=self._counters,
                    log=self._log,
                )
                executor.recover()
                node = self._node_services(session, state, doors, api, executor)
                runs = self._runs(api, session, executor, reporter, state, node)
                services = [supervisor.keep(name, run) for name, run in runs]
                services += [supervisor.keep(name, run) for name, run in node.runs(supervisor.spawn)]
                if doors.push is not None:
                    push_api = self._push_api(executor, session, state, node)
                    services.append(supervisor.keep("push", partial(self._serve_push, push_api, doors.push, resources)))
                await stop.wait()
                self._log.write("agent.stopping")
                for service in services:
                    service.cancel()
                await asyncio.gather(node.stop(), executor.stop(), return_exceptions=True)
                await reporter.stop(LAST_REPORTS_SECONDS)

    async def _serve_push(self, api: PushApi, door: Door, resources: ExitStack) -> None:
        bound = door.bound()
        resources.callback(api.listen(bound).close)
        host, port = address_of(bound)
        self._log.write("push.listening", host=host, port=port)

    def _failed_in_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a callback raised, which nobody waits for."""
        error = context.get("exception")
        self._log.write("task.failed", task="loop", reason="unknown" if error is None else told(error))

    def _node_services(
        self, session: Session, state: StateDirectory, doors: Doors, api: AgentApi, executor: Executor
    ) -> NodeServices:
        return NodeServices(
            options=self._options,
            doors=doors,
            state=state,
            session=session,
            api=api,
            executor=executor,
            counters=self._counters,
            new_backoff=self._new_backoff,
            clock=self._clock,
            chance=self._chance,
            log=self._log,
        )

    def _runs(
        self,
        api: AgentApi,
        session: Session,
        executor: Executor,
        reporter: Reporter,
        state: StateDirectory,
        node: NodeServices,
    ) -> Iterator[tuple[str, Run]]:
        intake = Intake(
            api=api,
            session=session,
            executor=executor,
            reporter=reporter,
            backoff=self._new_backoff(),
            clock=self._clock,
            chance=self._chance,
            counters=self._counters,
            log=self._log,
        )
        executor.when_room_is_made(intake.room_made)
        yield "session", session.run
        yield "intake", intake.run
        yield "health", HealthReporter(api, state.path, self._counters, self._log).run
        yield "orphans", OrphanReaper().run
        yield (
            "websocket",
            WakeUpSocket(
                session=session,
                intake=intake,
                frames=node.frames(),
                tls=self._tls,
                proxies=self._proxies,
                backoff=self._new_backoff(),
                clock=self._clock,
                chance=self._chance,
                log=self._log,
            ).run,
        )

    def _push_api(self, executor: Executor, session: Session, state: StateDirectory, node: NodeServices) -> PushApi:
        return PushApi(
            executor=executor,
            identity=lambda: session.identity,
            state_directory=state.path,
            metrics=node.agent_text,
            trigger_update=None if node.updater is None else node.updater.asked_from_thread,
            loop=asyncio.get_running_loop(),
            clock=self._clock,
            log=self._log,
        )

    def _new_backoff(self) -> Backoff:
        return Backoff(first_seconds=FIRST_RETRY_SECONDS, cap_seconds=LONGEST_RETRY_SECONDS, chance=self._chance)

    def _new_slow_backoff(self) -> Backoff:
        """For what only a person can change."""
        return Backoff(first_seconds=FIRST_RETRY_SECONDS, cap_seconds=LONGEST_REFUSED_SECONDS, chance=self._chance)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` returns; None if the agent was told to stop first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
