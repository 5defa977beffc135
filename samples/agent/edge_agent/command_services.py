import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from edge_agent.acknowledgements import Acknowledgements
from edge_agent.agent_api import AgentApi
from edge_agent.command_runner import CommandRunner
from edge_agent.executor import Executor
from edge_agent.health import HealthChecks, HealthReporter
from edge_agent.intake import Intake
from edge_agent.journal import Journal, State
from edge_agent.journal_writer import JournalWriter
from edge_agent.large_outputs import LargeOutputs
from edge_agent.orphaned_outputs import drop_orphaned_outputs
from edge_agent.reporter import Reporter
from edge_agent.runtime import Runtime
from edge_agent.sent_executions import SentExecutions
from edge_agent.session import Session
from edge_agent.state_directory import StateDirectory
from edge_agent.supervisor import Run, Spawn
from edge_agent.tails import Tails
from edge_agent.wake_up import WakeUpSocket
from edge_agent.whole_outputs import WholeOutputs

LAST_REPORTS_SECONDS = 5.0
ORPHAN_SECONDS = 5.0
DRAIN_SECONDS = 30.0
DRAIN_LOOK_SECONDS = 0.2

Frame = Mapping[str, Any]


class CommandServices:
    """The parts of an agent that run commands: fetch them, execute them, report results and health.

    `runs` are to be run until the agent stops; then `stop_executions` and `stop_reports` are called, in this order.
    """

    def __init__(
        self,
        *,
        runtime: Runtime,
        session: Session,
        state: StateDirectory,
        journal: Journal,
        writer: JournalWriter,
        api: AgentApi,
        checks: HealthChecks,
        spawn: Spawn,
    ) -> None:
        """Recover the executions of the previous process from the journal."""
        self._runtime = runtime
        self._session = session
        self._journal = journal
        self._writer = writer
        self._api = api
        self._checks = checks
        self._wholes = WholeOutputs(state.outputs, runtime.ports.disk)
        self._socket: WakeUpSocket | None = None
        self._tails = Tails(
            has_ended=lambda execution_id: journal.state_of(execution_id) in (State.FINISHED, State.SETTLED),
            send=self._send,
            spawn=spawn,
            clock=runtime.ports.clock,
            log=runtime.log,
        )
        self._reporter = self._new_reporter(state, spawn)
        self.executor = self._new_executor(state, spawn)
        self.executor.recover()
        drop_orphaned_outputs(journal, state, self._wholes, runtime.ports.disk)
        self._intake = self._new_intake(state)
        self.executor.on_capacity_freed(self._intake.capacity_freed)
        session.on_removed(self.executor.cancel_all)

    def runs(self, frames: Mapping[str, Callable[[Frame], None]]) -> Iterator[tuple[str, Run]]:
        """Names and functions to run. `frames` maps further types of the server's frames to their handlers."""
        runtime, clock = self._runtime, self._runtime.ports.clock
        yield "session", self._session.run
        yield "intake", self._intake.run
        yield "health", HealthReporter(self._api, self._checks, runtime.facts, runtime.counters, clock, runtime.log).run
        yield "orphans", self._reap_orphans
        yield "journal", partial(self._writer.tend, self._journal)
        self._socket = self._wake_up_socket({**frames, "tail": self._tails.on_frame})
        yield "websocket", self._socket.run

    async def drain(self, stop: asyncio.Event) -> None:
        """Let running commands end, for at most `DRAIN_SECONDS` and until `stop` is set, and start no others."""
        self.executor.hold()
        waited = 0.0
        while self.executor.running and waited < DRAIN_SECONDS and not stop.is_set():
            await self._runtime.ports.clock.sleep(DRAIN_LOOK_SECONDS)
            waited += DRAIN_LOOK_SECONDS

    async def stop_executions(self) -> None:
        await self.executor.stop()
        self._tails.stop()

    async def stop_reports(self) -> None:
        await self._reporter.stop(LAST_REPORTS_SECONDS)

    async def _send(self, frame: str) -> bool:
        return self._socket is not None and await self._socket.send(frame)

    async def _reap_orphans(self) -> None:
        processes = self._runtime.ports.processes
        while processes.inherits_orphans:
            await self._runtime.ports.clock.sleep(ORPHAN_SECONDS)
            processes.reap_orphans()

    def _new_reporter(self, state: StateDirectory, spawn: Spawn) -> Reporter:
        runtime = self._runtime
        return Reporter(
            api=self._api,
            journal=self._journal,
            journal_writer=self._writer,
            state=state,
            outputs=LargeOutputs(self._api, self._wholes, runtime.new_backoff, runtime.ports, runtime.log),
            new_backoff=runtime.new_backoff,
            spawn=spawn,
            counters=runtime.counters,
            ports=runtime.ports,
            log=runtime.log,
        )

    def _new_executor(self, state: StateDirectory, spawn: Spawn) -> Executor:
        runtime = self._runtime
        runner = CommandRunner(
            journal=self._journal,
            journal_writer=self._writer,
            state=state,
            wholes=self._wholes,
            tails=self._tails,
            server_time=runtime.server_time,
            cancel_grace_seconds=runtime.options.limits.cancel_grace_seconds,
            environment=runtime.options.environment,
            fetch_secrets=self._api.environment,
            new_backoff=runtime.new_backoff,
            counters=runtime.counters,
            ports=runtime.ports,
            log=runtime.log,
        )
        return Executor(
            runner=runner,
            journal=self._journal,
            journal_writer=self._writer,
            report=self._reporter.submit,
            spawn=spawn,
            new_backoff=runtime.new_backoff,
            server_time=runtime.server_time,
            limits=runtime.options.limits,
            counters=runtime.counters,
            ports=runtime.ports,
            log=runtime.log,
        )

    def _new_intake(self, state: StateDirectory) -> Intake:
        runtime = self._runtime
        acknowledgements = Acknowledgements(state, self._writer, is_first_agent=self._journal.is_new)
        sent_executions = SentExecutions(
            executor=self.executor,
            acknowledgements=acknowledgements,
            session=self._session,
            record_is_damaged=self._journal.is_damaged,
            log=runtime.log,
        )
        return Intake(
            api=self._api,
            session=self._session,
            executor=self.executor,
            acknowledgements=acknowledgements,
            sent_executions=sent_executions,
            reporter=self._reporter,
            backoff=runtime.new_backoff(),
            clock=runtime.ports.clock,
            rng=runtime.rng,
            counters=runtime.counters,
            log=runtime.log,
        )

    def _wake_up_socket(self, frames: Mapping[str, Callable[[Frame], None]]) -> WakeUpSocket:
        runtime = self._runtime
        return WakeUpSocket(
            session=self._session,
            intake=self._intake,
            frames=frames,
            instance_id=runtime.instance_id,
            network=runtime.ports.network,
            backoff=runtime.new_backoff(),
            slow_backoff=runtime.new_slow_backoff(),
            clock=runtime.ports.clock,
            rng=runtime.rng,
            log=runtime.log,
        )
