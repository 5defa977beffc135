import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from edge_agent.backoff import Backoff
from edge_agent.clock import ServerTime, format_time, parse_time
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, told
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal, Result, State, Work
from edge_agent.journal_thread import JournalThread
from edge_agent.program_environment import program_environment
from edge_agent.shell import EXECUTION_VARIABLE, EXIT_CANCELLED, EXIT_NOT_STARTED, Ending, ShellCommand, kill_leftovers
from edge_agent.spool import OutputSpool

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
    """Takes executions, runs each at most once, a limited number at a time, and hands finished ones to the reporter.

    Nothing runs before `resume`: what the last process had accepted may have been cancelled since, which only the
    server's list tells.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        journal_thread: JournalThread,
        spool: Path,
        report: Callable[[str], None],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        server_time: ServerTime,
        limits: Limits,
        environment: Mapping[str, str],
        new_backoff: Callable[[], Backoff],
        counters: Counters,
        log: EventLog,
    ) -> None:
        self._journal = journal
        self._journal_thread = journal_thread
        self._spool = spool
        self._report = report
        self._room_made: Callable[[], None] | None = None
        self._spawn = spawn
        self._server_time = server_time
        self._limits = limits
        self._environment = environment
        self._new_backoff = new_backoff
        self._counters = counters
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

    def when_room_is_made(self, call: Callable[[], None]) -> None:
        """Call this after each execution that ends."""
        self._room_made = call

    def recover(self) -> None:
        """Pick up what the last process left: unreported results, accepted work, and what was running when it died."""
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
        """Start nothing more until `release`: an update waits for what runs. What is accepted meanwhile is on disk, and
        the next agent runs it."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self._fill()

    async def take(self, work: Work, *, cancelled: bool = False) -> bool:
        """Accept an execution. False: it is known already, and nothing is done. Returns once it is on disk.

        Raises UnavailableError, and has not taken it, where the disk does not.
        """
        if self.knows(work.id):
            return False
        task = self._unfinished[work.id] = _Task(work)
        if cancelled:
            task.cancel.set()
        try:
            await self._journal_thread.run(self._journal.accept, work)
        except OSError as error:
            del self._unfinished[work.id]
            raise UnavailableError(f"the journal cannot be written: {told(error)}") from error
        self._counters.add("commands_execution_enqueued_total")
        self._waiting.append(work.id)
        self._fill()
        return True

    async def disclaim(self, execution_id: str) -> None:
        """Report an execution that the server takes for running here, of which nothing is known, without running it.

        Raises UnavailableError where the disk does not take that.
        """
        result = Result("completed", EXIT_AGENT_STOPPED, format_time(self._server_time.now()), (UNRECORDED_NOTE,))
        try:
            await self._journal_thread.run(self._journal.disclaim, execution_id, result)
        except OSError as error:
            raise UnavailableError(f"the journal cannot be written: {told(error)}") from error
        self._report(execution_id)

    def cancel(self, execution_id: str) -> CancelOutcome | None:
        """Ask an execution to end; None for one that was never taken here. Repeating it does no harm."""
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
        """Start nothing more, give what runs the grace to end by itself, then kill it.

        What was killed stays `started` in the journal: the next start reports it. That the agent stops is no
        cancellation, which only an operator can ask for.
        """
        self._paused = True
        runs = [task.run for task in self._unfinished.values() if task.run is not None]
        if not runs:
            return
        _, overdue = await asyncio.wait(runs, timeout=self._limits.cancel_grace_seconds)
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
        killed = await asyncio.to_thread(kill_leftovers, execution_id)
        self._log.write("execution.interrupted", execution_id=execution_id, killed=killed)
        await self._finish(execution_id, Ending(EXIT_AGENT_STOPPED, (STOPPED_NOTE,)))
        self._report(execution_id)

    async def _run(self, task: _Task) -> None:
        work = task.work
        try:
            if await self._may_run(task):
                await self._execute(task)
        except Exception as error:  # noqa: BLE001 - whatever it was, the server is told that the command has ended
            self._log.write("execution.failed", execution_id=work.id, reason=told(error))
            await self._finish(work.id, Ending(EXIT_AGENT_STOPPED, (FAILED_NOTE,)))
        finally:
            self._running.discard(work.id)
            del self._unfinished[work.id]
        self._report(work.id)
        self._fill()
        if self._room_made is not None:
            self._room_made()

    async def _may_run(self, task: _Task) -> bool:
        """Note on disk that it starts, as soon as the disk takes that. False: it has ended before that."""
        work = task.work
        backoff = self._new_backoff()
        while not task.cancel.is_set():
            if work.expired_at is not None and parse_time(work.expired_at) <= self._server_time.now():
                await self._finish(work.id, None)
                return False
            if await self._journal_thread.tried(self._journal.start, work.id):
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff.next_seconds()):
                    await task.cancel.wait()
        await self._finish(work.id, Ending(EXIT_CANCELLED, ("Command cancelled",)))
        return False

    async def _execute(self, task: _Task) -> None:
        work = task.work
        try:
            spool = OutputSpool(self._spool / work.id)
        except OSError as error:
            await self._finish(work.id, _not_started(error))
            return
        try:
            ending = await self._shell(task, spool)
            await self._journal_thread.run(spool.sync)
            if spool.failure is not None:
                note = f"Output could not be kept: {spool.failure}"
                ending = Ending(ending.exit_code, (*ending.notes, note))
        finally:
            spool.close()
        await self._finish(work.id, ending)

    async def _shell(self, task: _Task, spool: OutputSpool) -> Ending:
        work = task.work
        try:
            environment = program_environment(self._environment, **{EXECUTION_VARIABLE: work.id})
            command = ShellCommand(work.command_text, environment, spool)
        except (OSError, ValueError) as error:
            return _not_started(error)
        self._log.write("execution.started", execution_id=work.id)
        return await command.finish(
            timeout_ms=work.timeout_ms, cancel=task.cancel, grace_seconds=self._limits.cancel_grace_seconds
        )

    async def _finish(self, execution_id: str, ending: Ending | None) -> None:
        """`ending` None: the deadline had passed before it could start."""
        completed_at = format_time(self._server_time.now())
        if ending is None:
            result = Result("expired", None, completed_at)
        else:
            result = Result("completed", ending.exit_code, completed_at, ending.notes)
        await self._journal_thread.until_done(self._journal.finish, execution_id, result)
        self._counters.add("commands_execution_completed_total")
        self._log.write("execution.finished", execution_id=execution_id, exit_code=result.exit_code)

    def _drop_orphaned_spools(self) -> None:
        """Outputs of settled executions, left by a crash between the two steps of settling."""
        with suppress(OSError):
            for path in self._spool.iterdir():
                if self._journal.state_of(path.name) in (None, State.SETTLED):
                    path.unlink()


def _not_started(error: Exception) -> Ending:
    return Ending(EXIT_NOT_STARTED, (f"The command could not be started: {error}",))
