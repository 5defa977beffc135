import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import PurePath

from edge_agent.agent_api import AgentApi
from edge_agent.backoff import Backoff
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal
from edge_agent.journal_writer import JournalWriter
from edge_agent.large_outputs import LargeOutputs
from edge_agent.ports import Ports
from edge_agent.spool import Output, read_output
from edge_agent.state_directory import StateDirectory
from edge_agent.supervisor import Spawn
from edge_agent.waiting import first_of, unfinished

AT_ONCE = 4


class Reporter:
    """Reports each result until the server has accepted it or refused it for good.

    Each result is retried on its own, so that one which the server cannot take delays no other. Outputs stay on disk
    until they are sent. `retry_now` ends all delays, when the server is reachable again.
    """

    def __init__(
        self,
        *,
        api: AgentApi,
        journal: Journal,
        journal_writer: JournalWriter,
        state: StateDirectory,
        outputs: LargeOutputs,
        new_backoff: Callable[[], Backoff],
        spawn: Spawn,
        counters: Counters,
        ports: Ports,
        log: EventLog,
    ) -> None:
        self._api = api
        self._journal = journal
        self._journal_writer = journal_writer
        self._state = state
        self._outputs = outputs
        self._new_backoff = new_backoff
        self._spawn = spawn
        self._counters = counters
        self._ports = ports
        self._log = log
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._server_reachable = asyncio.Event()
        self._stopped = asyncio.Event()
        # In the order of submission, so that a run can be repeated exactly.
        self._tasks: dict[asyncio.Task[None], None] = {}

    def submit(self, execution_id: str) -> None:
        task = self._spawn(self._deliver(execution_id))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def retry_now(self) -> None:
        self._server_reachable.set()
        self._server_reachable = asyncio.Event()

    async def stop(self, grace_seconds: float) -> None:
        """Let pending requests finish within the grace period. Other results stay on disk for the next start."""
        self._stopped.set()
        await unfinished(self._ports.clock, self._tasks, grace_seconds)
        for task in list(self._tasks):
            task.cancel()

    async def _deliver(self, execution_id: str) -> None:
        backoff = self._new_backoff()
        accepted = None
        while accepted is None:
            try:
                accepted = await self._report(execution_id)
            except Exception as error:  # noqa: BLE001 - the result is kept after any error
                asked_for_seconds = error.retry_after_seconds if isinstance(error, UnavailableError) else None
                delay = backoff.next_seconds(asked_for_seconds)
                self._log.write("execution.report_delayed", execution_id=execution_id, reason=describe(error))
                await self._pause(delay, asked_for_seconds)
                if self._stopped.is_set():
                    return
        await self._journal_writer.until_done(self._journal.settle, execution_id)
        # The next start removes a file that cannot be removed now.
        with suppress(OSError):
            self._ports.disk.remove(self._spool_file(execution_id))
        self._outputs.forget(execution_id)
        self._counters.add("commands_report_total")
        event = "execution.reported" if accepted else "execution.result_refused"
        self._log.write(event, execution_id=execution_id)

    async def _report(self, execution_id: str) -> bool:
        result = self._journal.entry(execution_id).result
        if result is None:
            raise ValueError(f"execution {execution_id} has no result yet")
        async with self._slots:
            output = await self._read(execution_id, result.notes)
            if not output.is_cut:
                return await self._api.report(execution_id, result, output.text)
        stored = await self._outputs.store(execution_id, output, result.notes)
        try:
            async with self._slots:
                return await self._api.report(execution_id, result, output.text, stored)
        except UnavailableError:
            self._outputs.server_is_away(execution_id)
            raise

    async def _read(self, execution_id: str, notes: Sequence[str]) -> Output:
        try:
            read = partial(read_output, self._ports.disk, self._spool_file(execution_id), notes)
            return await self._ports.threads.run(read)
        except OSError as error:
            # Such as too many open files: it is retried.
            raise UnavailableError(f"the output cannot be read: {error}") from error

    async def _pause(self, seconds: float, asked_for_seconds: float | None) -> None:
        """Wait. A stop ends the wait early, and so does `retry_now`, unless the server itself asked for the delay."""
        events = [self._stopped] if asked_for_seconds is not None else [self._stopped, self._server_reachable]
        await first_of(self._ports.clock, *events, seconds=seconds)

    def _spool_file(self, execution_id: str) -> PurePath:
        return self._state.spool / execution_id
