import asyncio
import random
import signal
import urllib.request
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

from edge_agent import __version__
from edge_agent.agent_api import AgentApi
from edge_agent.asked import Asked
from edge_agent.backoff import Backoff
from edge_agent.clock import Clock, ServerTime
from edge_agent.counters import Counters
from edge_agent.durable import StateDirectory
from edge_agent.enrollment import Enroller, Ports
from edge_agent.errors import told
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.health import Checks, HealthReporter
from edge_agent.http_client import HttpClient, tls_context
from edge_agent.identity import Node, load_identity, save_identity
from edge_agent.intake import Intake
from edge_agent.journal import Journal
from edge_agent.journal_thread import JournalThread
from edge_agent.listening import Door, Doors, address_of
from edge_agent.node_services import NodeServices, Run
from edge_agent.options import Options
from edge_agent.orphans import OrphanReaper
from edge_agent.push_api import PushApi
from edge_agent.reporter import Reporter
from edge_agent.sent_work import SentWork
from edge_agent.session import Session
from edge_agent.startup import Startup
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
        # Drawn anew at each start: that is how the server tells a restart from a copy that runs elsewhere.
        self._instance_id = str(uuid.uuid4())
        self._proxies = urllib.request.getproxies_environment()

    async def run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed_in_loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._log.write("agent.starting", version=__version__)
        with ExitStack() as resources:
            startup = Startup(self._options, resources, self._new_backoff, self._clock, self._log)
            prepared = await _unless(stop, self._prepare(startup, resources))
            if prepared is not None:
                await self._serve(*prepared, stop)
        self._log.write("agent.stopped")

    async def enrol(self) -> str:
        """Get this machine an identity, or a fresh one for the stored one, and return the node's id.

        Raises RefusedError where the server does not want it, FatalError, OSError. A server that is away is waited for.
        """
        with ExitStack() as resources:
            startup = Startup(self._options, resources, self._new_backoff, self._clock, self._log)
            state = await startup.state()
            node = await startup.node(state)
            enroller = self._enroller(self._client(resources), node, self._options.ports)
            stored = load_identity(state)
            identity = await (enroller.enrol() if stored is None else enroller.renew(stored))
            save_identity(state, identity)
            return identity.node_id

    def _client(self, resources: ExitStack) -> HttpClient:
        client = HttpClient(
            tls=self._tls, proxies=self._proxies, server_time=self._server_time, instance_id=self._instance_id
        )
        resources.callback(client.close)
        return client

    async def _prepare(self, startup: Startup, resources: ExitStack) -> tuple[Session, StateDirectory, Journal, Doors]:
        state = await startup.state()
        journal = await startup.journal(state)
        node = await startup.node(state)
        client = self._client(resources)
        doors = resources.enter_context(Doors(self._options))
        session = self._session(client, node, state, doors.ports)
        await session.open(register_anew=not startup.is_moved)
        return session, state, journal, doors

    def _enroller(self, client: HttpClient, node: Node, ports: Ports) -> Enroller:
        return Enroller(
            client=client,
            node=node,
            ports=ports,
            self_update_enabled=self._options.updates_itself,
            keys=self._options.keys,
            network_name=self._options.network_name,
            backoff=self._new_backoff(),
            clock=self._clock,
            server_time=self._server_time,
            log=self._log,
        )

    def _session(self, client: HttpClient, node: Node, state: StateDirectory, ports: Ports) -> Session:
        return Session(
            client=client,
            enroller=self._enroller(client, node, ports),
            state=state,
            new_backoff=self._new_backoff,
            new_slow_backoff=self._new_slow_backoff,
            clock=self._clock,
            server_time=self._server_time,
            log=self._log,
        )

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
                checks = Checks(state.path, journal, session)
                node = self._node_services(session, state, doors, api, executor, checks)
                asked = Asked(state, journal_thread, is_first_agent=journal.is_new)
                sent_work = SentWork(
                    executor=executor,
                    asked=asked,
                    session=session,
                    record_is_damaged=journal.is_damaged,
                    log=self._log,
                )
                intake = Intake(
                    api=api,
                    session=session,
                    executor=executor,
                    asked=asked,
                    sent_work=sent_work,
                    reporter=reporter,
                    backoff=self._new_backoff(),
                    clock=self._clock,
                    chance=self._chance,
                    counters=self._counters,
                    log=self._log,
                )
                executor.when_room_is_made(intake.room_made)
                session.when_removed(executor.cancel_all)
                runs = self._runs(api, session, intake, checks, node)
                journal_tidy = partial(journal_thread.tidy_up, journal.tidy)
                services = [supervisor.keep(name, run) for name, run in runs]
                services.append(supervisor.keep("journal", journal_tidy))
                services += [supervisor.keep(name, run) for name, run in node.runs(supervisor.spawn)]
                if doors.push is not None:
                    push_api = self._push_api(executor, session, checks, node)
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
        self,
        session: Session,
        state: StateDirectory,
        doors: Doors,
        api: AgentApi,
        executor: Executor,
        checks: Checks,
    ) -> NodeServices:
        return NodeServices(
            options=self._options,
            doors=doors,
            state=state,
            session=session,
            api=api,
            executor=executor,
            checks=checks,
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
        intake: Intake,
        checks: Checks,
        node: NodeServices,
    ) -> Iterator[tuple[str, Run]]:
        yield "session", session.run
        yield "intake", intake.run
        yield "health", HealthReporter(api, checks, self._counters, self._log).run
        yield "orphans", OrphanReaper().run
        yield (
            "websocket",
            WakeUpSocket(
                session=session,
                intake=intake,
                frames=node.frames(),
                instance_id=self._instance_id,
                tls=self._tls,
                proxies=self._proxies,
                slow_backoff=self._new_slow_backoff(),
                backoff=self._new_backoff(),
                clock=self._clock,
                chance=self._chance,
                log=self._log,
            ).run,
        )

    def _push_api(self, executor: Executor, session: Session, checks: Checks, node: NodeServices) -> PushApi:
        return PushApi(
            executor=executor,
            identity=lambda: session.identity,
            checks=checks,
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
