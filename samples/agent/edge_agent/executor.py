import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from edge_agent.backoff import Backoff
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal, Result, State, Work
from edge_agent.journal_writer import JournalWriter
from edge_agent.ports import Ports
from edge_agent.shell_command import EXECUTION_VARIABLE, EXIT_CANCELLED, EXIT_NOT_STARTED, ShellCommand, ShellExit
from edge_agent.spool import OutputSpool
from edge_agent.state_directory import StateDirectory
from edge_agent.supervisor import Spawn
from edge_agent.times import ServerTime, format_time, parse_time
from edge_agent.waiting import first_of, unfinished

EXIT_AGENT_STOPPED = 125
STOPPED_NOTE = "The agent stopped while this command ran"
FAILED_NOTE = "The agent failed while this command ran"
UNRECORDED_NOTE = "An earlier installation of this machine's agent took this command: it may have run"


class CancelOutcome(StrEnum):
    CANCELLED = "cancelled"
    ALREADY_COMPLETED = "already_completed"
    ALREADY_EXPIRED = "already_expired"


@dataclass(frozen=True)
class Limits:
    max_parallel: int
    cancel_grace_seconds: float


@dataclass
class _Task:
    work: Work
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    run: asyncio.Task[None] | None = None


class Executor:
    """Accepts executions, runs each at most once and a limited number at a time, and passes results to the reporter.

    Nothing runs before `resume`: executions that the previous process accepted may have been cancelled since, and only
    the server's list says so.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        journal_writer: JournalWriter,
        state: StateDirectory,
        report: Callable[[str], None],
        spawn: Spawn,
        server_time: ServerTime,
        limits: Limits,
        environment: Mapping[bytes, bytes],
        new_backoff: Callable[[], Backoff],
        counters: Counters,
        ports: Ports,
        log: EventLog,
    ) -> None:
        """`report` is called with the id of each finished execution; `spawn` starts a task that survives its errors."""
        self._journal = journal
        self._journal_writer = journal_writer
        self._state = state
        self._report = report
        self._capacity_freed: Callable[[], None] | None = None
        self._spawn = spawn
        self._server_time = server_time
        self._limits = limits
        self._environment = environment
        self._new_backoff = new_backoff
        self._counters = counters
        self._ports = ports
        self._log = log
        self._paused = True
        self._held = False
        self._unfinished: dict[str, _Task] = {}
        self._waiting: list[str] = []
        self._running: set[str] = set()

    @property
    def unfinished(self) -> int:
        return len(self._unfinished)

    @property
    def running(self) -> int:
        return len(self._running)

    def knows(self, execution_id: str) -> bool:
        return execution_id in self._unfinished or self._journal.state_of(execution_id) is not None

    def is_unfinished(self, execution_id: str) -> bool:
        return execution_id in self._unfinished

    def on_capacity_freed(self, call: Callable[[], None]) -> None:
        """Register a function that is called after each execution that ends."""
        self._capacity_freed = call

    def recover(self) -> None:
        """Take over from the previous process: unreported results, accepted work, and interrupted executions."""
        for execution_id in self._journal.in_state(State.STARTED):
            self._spawn(self._close_interrupted(execution_id))
        for execution_id in self._journal.in_state(State.FINISHED):
            self._report(execution_id)
        for execution_id in self._journal.in_state(State.ACCEPTED):
            work = self._journal.entry(execution_id).work
            if work is not None:
                self._unfinished[execution_id] = _Task(work)
                self._waiting.append(execution_id)
        self._drop_orphaned_spools()

    def resume(self) -> None:
        self._paused = False
        self._fill()

    def hold(self) -> None:
        """Start nothing until `release`, so that an update can wait for running commands. Executions are still
        accepted; the next agent runs them."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self._fill()

    async def accept(self, work: Work, *, cancelled: bool = False) -> bool:
        """Accept an execution, and return once it is on disk. False if it is known already.

        Raises `UnavailableError` if the journal cannot be written; it is then not accepted.
        """
        if self.knows(work.id):
            return False
        task = self._unfinished[work.id] = _Task(work)
        if cancelled:
            task.cancel.set()
        try:
            await self._journal_writer.run(self._journal.accept, work)
        except OSError as error:
            del self._unfinished[work.id]
            raise UnavailableError(f"the journal cannot be written: {describe(error)}") from error
        self._counters.add("commands_execution_enqueued_total")
        self._waiting.append(work.id)
        self._fill()
        return True

    async def report_unrecorded(self, execution_id: str) -> None:
        """Report an execution that the server counts as running here and that has no record, without running it.

        Raises `UnavailableError` if the journal cannot be written.
        """
        result = Result("completed", EXIT_AGENT_STOPPED, format_time(self._server_time.now()), (UNRECORDED_NOTE,))
        try:
            await self._journal_writer.run(self._journal.record_result, execution_id, result)
        except OSError as error:
            raise UnavailableError(f"the journal cannot be written: {describe(error)}") from error
        self._report(execution_id)

    def cancel(self, execution_id: str) -> CancelOutcome | None:
        """Cancel an execution; None if it is unknown. Idempotent."""
        task = self._unfinished.get(execution_id)
        if task is not None:
            if not task.cancel.is_set():
                self._log.write("execution.cancel_requested", execution_id=execution_id)
            task.cancel.set()
            self._fill()
            return CancelOutcome.CANCELLED
        state = self._journal.state_of(execution_id)
        if state is None:
            return None
        result = self._journal.entry(execution_id).result
        if result is not None and result.status == "expired":
            return CancelOutcome.ALREADY_EXPIRED
        return CancelOutcome.ALREADY_COMPLETED

    def cancel_all(self) -> None:
        for execution_id in list(self._unfinished):
            self.cancel(execution_id)

    async def stop(self) -> None:
        """Start nothing more, wait for running commands for the grace period, then kill them.

        Killed commands stay `started` in the journal, and the next start reports them as interrupted. They do not count
        as cancelled: only an operator cancels.
        """
        self._paused = True
        runs = [task.run for task in self._unfinished.values() if task.run is not None]
        if not runs:
            return
        overdue = await unfinished(self._ports.clock, runs, self._limits.cancel_grace_seconds)
        for run in overdue:
            run.cancel()
        if overdue:
            await asyncio.wait(overdue)

    def _fill(self) -> None:
        if self._paused:
            return
        for execution_id in list(self._waiting):
            task = self._unfinished[execution_id]
            has_room = not self._held and len(self._running) < self._limits.max_parallel
            if task.cancel.is_set() or has_room:
                self._waiting.remove(execution_id)
                self._running.add(execution_id)
                task.run = self._spawn(self._run(task))

    async def _close_interrupted(self, execution_id: str) -> None:
        kill = partial(self._ports.processes.kill_by_variable, EXECUTION_VARIABLE, execution_id)
        killed = await self._ports.threads.run(kill)
        self._log.write("execution.interrupted", execution_id=execution_id, killed=killed)
        await self._finish(execution_id, ShellExit(EXIT_AGENT_STOPPED, (STOPPED_NOTE,)))
        self._report(execution_id)

    async def _run(self, task: _Task) -> None:
        work = task.work
        try:
            if await self._may_run(task):
                await self._execute(task)
        except Exception as error:  # noqa: BLE001 - after any error the server has to learn that the command has ended
            self._log.write("execution.failed", execution_id=work.id, reason=describe(error))
            await self._finish(work.id, ShellExit(EXIT_AGENT_STOPPED, (FAILED_NOTE,)))
        finally:
            self._running.discard(work.id)
            del self._unfinished[work.id]
        self._report(work.id)
        self._fill()
        if self._capacity_freed is not None:
            self._capacity_freed()

    async def _may_run(self, task: _Task) -> bool:
        """Record the start in the journal. False if it was cancelled or expired before that succeeded."""
        work = task.work
        backoff = self._new_backoff()
        while not task.cancel.is_set():
            if work.expired_at is not None and parse_time(work.expired_at) <= self._server_time.now():
                await self._finish(work.id, None)
                return False
            if await self._journal_writer.succeeds(self._journal.start, work.id):
                return True
            await first_of(self._ports.clock, task.cancel, seconds=backoff.next_seconds())
        await self._finish(work.id, ShellExit(EXIT_CANCELLED, ("Command cancelled",)))
        return False

    async def _execute(self, task: _Task) -> None:
        work = task.work
        try:
            spool = OutputSpool(self._state.spool / work.id, self._ports.disk)
        except OSError as error:
            await self._finish(work.id, _not_started(error))
            return
        try:
            shell_exit = await self._shell(task, spool)
            await self._journal_writer.run(spool.sync)
            if spool.failure is not None:
                note = f"Output could not be kept: {spool.failure}"
                shell_exit = ShellExit(shell_exit.exit_code, (*shell_exit.notes, note))
        finally:
            spool.close()
        await self._finish(work.id, shell_exit)

    async def _shell(self, task: _Task, spool: OutputSpool) -> ShellExit:
        work = task.work
        try:
            environment = {**self._environment, EXECUTION_VARIABLE.encode(): work.id.encode()}
            command = ShellCommand(work.command_text, environment, spool, self._ports.processes, self._ports.clock)
        except (OSError, ValueError) as error:
            return _not_started(error)
        self._log.write("execution.started", execution_id=work.id)
        return await command.finish(
            timeout_ms=work.timeout_ms, cancel=task.cancel, grace_seconds=self._limits.cancel_grace_seconds
        )

    async def _finish(self, execution_id: str, shell_exit: ShellExit | None) -> None:
        """Record the result. `shell_exit` None means that the deadline passed before the start."""
        completed_at = format_time(self._server_time.now())
        if shell_exit is None:
            result = Result("expired", None, completed_at)
        else:
            result = Result("completed", shell_exit.exit_code, completed_at, shell_exit.notes)
        await self._journal_writer.until_done(self._journal.finish, execution_id, result)
        self._counters.add("commands_execution_completed_total")
        self._log.write("execution.finished", execution_id=execution_id, exit_code=result.exit_code)

    def _drop_orphaned_spools(self) -> None:
        """Remove the outputs of settled executions, which a crash between the two steps of settling leaves."""
        with suppress(OSError):
            for name in self._ports.disk.files(self._state.spool):
                if self._journal.state_of(name) in (None, State.SETTLED):
                    self._ports.disk.remove(self._state.spool / name)


def _not_started(error: Exception) -> ShellExit:
    return ShellExit(EXIT_NOT_STARTED, (f"The command could not be started: {error}",))
