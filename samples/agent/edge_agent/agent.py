import asyncio
import random
import signal
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

from edge_agent import __version__
from edge_agent.agent_api import AgentApi
from edge_agent.backoff import Backoff
from edge_agent.clock import Clock, ServerTime
from edge_agent.counters import Counters
from edge_agent.durable import StateDirectory
from edge_agent.enrollment import Enroller, Ports
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.health import HealthReporter
from edge_agent.http_client import HttpClient, tls_context
from edge_agent.identity import choose_node, load_identity
from edge_agent.intake import Intake
from edge_agent.journal import Journal, JournalThread
from edge_agent.listening import Doors, address_of
from edge_agent.node_services import NodeServices
from edge_agent.options import Options
from edge_agent.push_api import PushApi
from edge_agent.reporter import Reporter
from edge_agent.session import Session
from edge_agent.wake_up import WakeUpSocket

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0
LAST_REPORTS_SECONDS = 5.0

T = TypeVar("T")


class Agent:
    """One run of the agent: enrol, recover, serve until told to stop.

    `run` returns after SIGTERM or SIGINT and leaves no process of a command behind. It raises FatalError where an
    operator has to act, and whatever makes the journal unreliable, such as a full disk: without it nothing may be run.
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
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with ExitStack() as resources:
            state = resources.enter_context(StateDirectory(self._options.state_dir))
            self._log.write("agent.starting", version=__version__)
            client = HttpClient(tls=self._tls, proxies=self._proxies, server_time=self._server_time)
            resources.callback(client.close)
            doors = resources.enter_context(Doors(self._options))
            session = await _unless(stop, self._open_session(client, state, doors.ports))
            if session is not None:
                await self._serve(session, state, doors, stop)
            self._log.write("agent.stopped")

    async def _open_session(self, client: HttpClient, state: StateDirectory, ports: Ports) -> Session:
        options = self._options
        node = choose_node(
            state, wanted=options.node_id, random_id=options.random_id, machine_id_file=options.machine_id_file
        )
        enroller = Enroller(
            client=client,
            node=node,
            ports=ports,
            self_update_enabled=options.self_update_command is not None,
            key=options.key,
            network_name=options.network_name,
            backoff=self._new_backoff(),
            clock=self._clock,
            server_time=self._server_time,
            log=self._log,
        )
        return await Session.open(client, enroller, state, load_identity(state))

    async def _serve(self, session: Session, state: StateDirectory, doors: Doors, stop: asyncio.Event) -> None:
        with ExitStack() as resources:
            journal = Journal(state.journal, self._clock)
            resources.callback(journal.close)
            journal_thread = JournalThread()
            resources.callback(journal_thread.close)
            async with asyncio.TaskGroup() as tasks:
                api = AgentApi(session, self._log)
                reporter = Reporter(
                    api=api,
                    journal=journal,
                    journal_thread=journal_thread,
                    spool=state.spool,
                    new_backoff=self._new_backoff,
                    spawn=tasks.create_task,
                    counters=self._counters,
                    log=self._log,
                )
                executor = Executor(
                    journal=journal,
                    journal_thread=journal_thread,
                    spool=state.spool,
                    report=reporter.submit,
                    spawn=tasks.create_task,
                    server_time=self._server_time,
                    limits=self._options.limits,
                    environment=self._options.environment,
                    counters=self._counters,
                    log=self._log,
                )
                await executor.recover()
                node = self._node_services(session, state, doors, api, executor)
                if doors.push is not None:
                    resources.callback(self._push_api(executor, session, state, node).listen(doors.push).close)
                    host, port = address_of(doors.push)
                    self._log.write("push.listening", host=host, port=port)
                services = [tasks.create_task(run) for run in self._runs(api, session, executor, reporter, state, node)]
                await node.start(tasks.create_task)
                await stop.wait()
                self._log.write("agent.stopping")
                for service in services:
                    service.cancel()
                await asyncio.gather(node.stop(), executor.stop())
                await reporter.stop(LAST_REPORTS_SECONDS)

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
    ) -> Iterator[Coroutine[Any, Any, None]]:
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
        yield intake.run()
        yield HealthReporter(api, state.path, self._counters, self._log).run()
        yield WakeUpSocket(
            session=session,
            intake=intake,
            frames=node.frames(),
            tls=self._tls,
            proxies=self._proxies,
            backoff=self._new_backoff(),
            clock=self._clock,
            chance=self._chance,
            log=self._log,
        ).run()
        yield from node.runs()

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


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` returns; None if the agent was told to stop first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
