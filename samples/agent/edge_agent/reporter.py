import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_agent.agent_api import AgentApi, Delivery
from edge_agent.backoff import Backoff
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, told
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal
from edge_agent.journal_thread import JournalThread
from edge_agent.spool import read_output

AT_ONCE = 4


class Reporter:
    """Delivers finished results until the server has accepted or refused each for good.

    Each result waits by itself, so one that the server cannot take holds up no other. Outputs stay on disk until their
    turn. `retry_now` cuts all waits short: the server has been heard of again.
    """

    def __init__(
        self,
        *,
        api: AgentApi,
        journal: Journal,
        journal_thread: JournalThread,
        spool: Path,
        new_backoff: Callable[[], Backoff],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        counters: Counters,
        log: EventLog,
    ) -> None:
        self._api = api
        self._journal = journal
        self._journal_thread = journal_thread
        self._spool = spool
        self._new_backoff = new_backoff
        self._spawn = spawn
        self._counters = counters
        self._log = log
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._heard_of_server = asyncio.Event()
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, execution_id: str) -> None:
        task = self._spawn(self._deliver(execution_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def retry_now(self) -> None:
        self._heard_of_server.set()
        self._heard_of_server = asyncio.Event()

    async def stop(self, grace_seconds: float) -> None:
        """Let what is under way arrive, and leave the rest on disk for the next start."""
        self._stopped.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task in list(self._tasks):
            task.cancel()

    async def _deliver(self, execution_id: str) -> None:
        backoff = self._new_backoff()
        delivery = None
        while delivery is None:
            try:
                async with self._turns:
                    delivery = await self._report(execution_id)
            except Exception as error:  # noqa: BLE001 - whatever is in the way, the result is kept
                asked_for_seconds = error.retry_after_seconds if isinstance(error, UnavailableError) else None
                delay = backoff.next_seconds(asked_for_seconds)
                self._log.write("execution.report_delayed", execution_id=execution_id, reason=told(error))
                await self._pause(delay, asked_for_seconds)
                if self._stopped.is_set():
                    return
        await self._journal_thread.until_done(self._journal.settle, execution_id)
        # One that cannot be removed now goes at the next start.
        with suppress(OSError):
            self._spool_file(execution_id).unlink(missing_ok=True)
        self._counters.add("commands_report_total")
        event = "execution.reported" if delivery is Delivery.ACCEPTED else "execution.result_refused"
        self._log.write(event, execution_id=execution_id)

    async def _report(self, execution_id: str) -> Delivery:
        result = self._journal.entry(execution_id).result
        if result is None:
            raise ValueError(f"execution {execution_id} has no result yet")
        try:
            output = await asyncio.to_thread(read_output, self._spool_file(execution_id), result.notes)
        except OSError as error:
            # Too many open files, for example: no reason to let go of it.
            raise UnavailableError(f"the output cannot be read: {error}") from error
        return await self._api.report(execution_id, result, output)

    async def _pause(self, seconds: float, asked_for_seconds: float | None) -> None:
        """Wait. The stop ends it early, and so does a sign of life unless the server itself asked for the wait."""
        events = [self._stopped] if asked_for_seconds is not None else [self._stopped, self._heard_of_server]
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _spool_file(self, execution_id: str) -> Path:
        return self._spool / execution_id
