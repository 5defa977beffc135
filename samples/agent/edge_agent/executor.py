import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from edge_agent.backoff import Backoff
from edge_agent.command_runner import EXIT_AGENT_STOPPED, CommandRunner, NotYetError
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal, Result, State, Work
from edge_agent.journal_writer import JournalWriter
from edge_agent.ports import Ports
from edge_agent.supervisor import Spawn
from edge_agent.times import ServerTime, format_time, parse_time
from edge_agent.waiting import unfinished

# The server's lists lag by seconds. An execution that is listed so long after its result was taken is forgotten there.
LISTED_LONG_AFTER = timedelta(seconds=60)
AGAIN_NOTE = "The server has gone back to an earlier state; its first report had this command's output"
UNRECORDED_NOTE = "An earlier installation of this machine's agent took this command: it may have run"


class CancelOutcome(StrEnum):
    CANCELLED = "cancelled"
    ALREADY_COMPLETED = "already_completed"
    ALREADY_EXPIRED = "already_expired"


@dataclass(frozen=True)
class CommandLimits:
    """How many commands run at a time, and how long a cancelled one may take to end."""

    max_parallel: int
    cancel_grace_seconds: float


@dataclass
class _Task:
    work: Work
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    run: asyncio.Task[None] | None = None
    # While the server does not give its secrets it waits, and others run.
    is_due: bool = True
    backoff: Backoff | None = None


class Executor:
    """Accepts executions, runs each at most once and a limited number at a time, and passes results to the reporter.

    Nothing runs before `resume`: executions that the previous process accepted may have been cancelled since, and only
    the server's list says so. Each of them runs only once it is accepted again: on a copy of the disk, the machine that
    it was copied from may have run it.
    """

    def __init__(
        self,
        *,
        runner: CommandRunner,
        journal: Journal,
        journal_writer: JournalWriter,
        report: Callable[[str], None],
        spawn: Spawn,
        new_backoff: Callable[[], Backoff],
        server_time: ServerTime,
        limits: CommandLimits,
        counters: Counters,
        ports: Ports,
        log: EventLog,
    ) -> None:
        """`report` is called with the id of each finished execution; `spawn` starts a task that survives its errors."""
        self._runner = runner
        self._journal = journal
        self._journal_writer = journal_writer
        self._report = report
        self._capacity_freed: Callable[[], None] | None = None
        self._spawn = spawn
        self._new_backoff = new_backoff
        self._server_time = server_time
        self._limits = limits
        self._counters = counters
        self._ports = ports
        self._log = log
        self._paused = True
        self._held = False
        self._unfinished: dict[str, _Task] = {}
        self._waiting: list[str] = []
        self._recovered: set[str] = set()
        self._running: set[str] = set()

    @property
    def unfinished(self) -> int:
        return len(self._unfinished)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def recovered(self) -> frozenset[str]:
        """The executions that the previous process accepted, and that the server has not named since."""
        return frozenset(self._recovered)

    def knows(self, execution_id: str) -> bool:
        """Whether an execution is decided here. One that was recovered is not, until it is accepted again."""
        if execution_id in self._recovered:
            return False
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
                self._recovered.add(execution_id)

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
        task = self._unfinished.setdefault(work.id, _Task(work))
        if cancelled:
            task.cancel.set()
        if work.id in self._recovered:
            self._recovered.remove(work.id)
        else:
            await self._record_accepted(work)
        self._waiting.append(work.id)
        self._fill()
        return True

    async def drop_recovered(self, execution_id: str) -> None:
        """Settle a recovered execution that the server does not list: it has ended, or another machine has run it. If
        that cannot be written, the next process looks for it again."""
        self._recovered.remove(execution_id)
        del self._unfinished[execution_id]
        await self._journal_writer.succeeds(self._journal.settle, execution_id)

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

    def is_forgotten(self, execution_id: str) -> bool:
        """Whether the server, which lists an execution as open, has taken its result long ago: its tables were restored
        to an earlier time."""
        if self._journal.state_of(execution_id) is not State.SETTLED:
            return False
        settled_at = parse_time(self._journal.entry(execution_id).at)
        return self._ports.clock.now() - settled_at >= LISTED_LONG_AFTER

    async def report_again(self, execution_id: str) -> None:
        """Report the result of a forgotten execution once more. Its output is not here any more.

        Raises `UnavailableError` if the journal cannot be written.
        """
        result = self._journal.entry(execution_id).result
        if result is None:
            return
        try:
            await self._journal_writer.run(
                self._journal.record_result, execution_id, replace(result, notes=(AGAIN_NOTE,))
            )
        except OSError as error:
            raise UnavailableError(f"the journal cannot be written: {describe(error)}") from error
        self._log.write("execution.forgotten", execution_id=execution_id)
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

    async def _record_accepted(self, work: Work) -> None:
        try:
            await self._journal_writer.run(self._journal.accept, work)
        except OSError as error:
            del self._unfinished[work.id]
            raise UnavailableError(f"the journal cannot be written: {describe(error)}") from error
        self._counters.add("commands_execution_enqueued_total")

    def _fill(self) -> None:
        if self._paused:
            return
        for execution_id in list(self._waiting):
            task = self._unfinished[execution_id]
            has_room = not self._held and len(self._running) < self._limits.max_parallel
            if task.cancel.is_set() or (has_room and task.is_due):
                self._waiting.remove(execution_id)
                self._running.add(execution_id)
                task.run = self._spawn(self._run(task))

    async def _close_interrupted(self, execution_id: str) -> None:
        await self._runner.close_interrupted(execution_id)
        self._report(execution_id)

    async def _run(self, task: _Task) -> None:
        not_yet = None
        try:
            await self._runner.run(task.work, task.cancel)
        except NotYetError as error:
            not_yet = error
        finally:
            self._running.discard(task.work.id)
            if not_yet is None:
                del self._unfinished[task.work.id]
        if not_yet is not None:
            self._run_later(task, not_yet)
            return
        self._report(task.work.id)
        self._fill()
        if self._capacity_freed is not None:
            self._capacity_freed()

    def _run_later(self, task: _Task, not_yet: NotYetError) -> None:
        def due() -> None:
            task.is_due = True
            self._fill()

        task.backoff = task.backoff or self._new_backoff()
        task.is_due = False
        self._waiting.append(task.work.id)
        self._ports.clock.call_later(task.backoff.next_seconds(not_yet.retry_after_seconds), due)
        self._fill()
