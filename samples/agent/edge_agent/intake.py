import asyncio
import random
from collections.abc import Iterable

from edge_agent.acknowledgements import Acknowledgements
from edge_agent.agent_api import AgentApi, ListedExecution, Page, PagePosition
from edge_agent.backoff import Backoff
from edge_agent.claims import Claims
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.lookup_retries import DOUBT_SECONDS, LookupRetries
from edge_agent.ports.clock import Clock
from edge_agent.reporter import Reporter
from edge_agent.sent_executions import SentExecutions
from edge_agent.session import Session
from edge_agent.waiting import first_of

# How often the `sent` list is fetched while there is no socket.
SENT_EVERY_SECONDS = 3600.0
# Longer than a socket lives: the agent polls after each connect, and the server repeats wake-ups at each ping.
CONNECTED_POLL_SECONDS = 7200.0
POLL_JITTER = 0.2
# The most executions that are accepted and not finished. Further ones stay pending at the server, where they can be
# cancelled or expire.
ACCEPTED_AHEAD = 200


class Intake:
    """Polls the server's lists for this node's executions and passes them to the executor. The lists are the truth; a
    wake-up only makes the next poll come sooner, or has the work with it: then that is claimed, and no list fetched.

    Every poll fetches `pending`. It also fetches `sent` at the start, while an execution is unfinished (to see
    cancellations), while the outcome of an acknowledgement is unknown (also across restarts), and from time to time
    while there is no socket. Polls do not overlap; a request during a poll leads to another one.
    """

    def __init__(
        self,
        *,
        api: AgentApi,
        session: Session,
        executor: Executor,
        acknowledgements: Acknowledgements,
        sent_executions: SentExecutions,
        reporter: Reporter,
        backoff: Backoff,
        clock: Clock,
        rng: random.Random,
        counters: Counters,
        log: EventLog,
    ) -> None:
        self._api = api
        self._session = session
        self._executor = executor
        self._acknowledgements = acknowledgements
        self._sent_executions = sent_executions
        self._reporter = reporter
        self._backoff = backoff
        self._clock = clock
        self._rng = rng
        self._counters = counters
        self._log = log
        self._poll_now = asyncio.Event()
        self._told: dict[str, ListedExecution] = {}
        self._is_list_due = True
        self._next_list_at = clock.monotonic()
        self._claims = Claims(
            api=api, acknowledgements=acknowledgements, sent_executions=sent_executions, doubt=self._doubt, log=log
        )
        self._executions = LookupRetries(clock)
        self._doubts = LookupRetries(clock, DOUBT_SECONDS)
        self._cancellations = LookupRetries(clock)
        self._fetch_sent = True
        self._sent_fetched_at: float | None = None
        self._more_pending = False
        self._connected = False
        self._failing = False

    def wake_up(self, execution_ids: Iterable[str], work: Iterable[ListedExecution] = ()) -> None:
        """`work` are those of the executions that need not be fetched."""
        told = {item.work.id: item for item in work}
        for execution_id in execution_ids:
            self._log.write("execution.wake_up", execution_id=execution_id)
            if self._executor.knows(execution_id) or execution_id in self._told:
                continue
            if execution_id in told:
                self._told[execution_id] = told[execution_id]
                self._poll_now.set()
            # A repeated wake-up for a scheduled lookup causes no further poll.
            elif execution_id not in self._executions.ids():
                self._executions.add(execution_id)
                self._poll_now.set()

    def cancel_requested(self, execution_ids: Iterable[str]) -> None:
        for execution_id in execution_ids:
            self._cancellations.add(execution_id)
            self._poll_now.set()

    def connected(self) -> None:
        self._connected = True
        if self._acknowledgements.ids():
            self._fetch_sent = True
        self.list_now()
        self._reporter.retry_now()

    def disconnected(self) -> None:
        self._connected = False
        self.list_now()

    def capacity_freed(self) -> None:
        if self._more_pending and self._executor.unfinished <= ACCEPTED_AHEAD // 2:
            self._more_pending = False
            self.list_now()

    async def run(self) -> None:
        self._acknowledgements.load()
        for execution_id in self._acknowledgements.ids():
            if self._executor.knows(execution_id):
                self._acknowledgements.forget(execution_id)
            else:
                self._doubts.add(execution_id)
        for execution_id in self._executor.recovered:
            self._executions.add(execution_id)
        while True:
            self._poll_now.clear()
            try:
                if self._is_list_due or self._clock.monotonic() >= self._next_due():
                    self._is_list_due = False
                    await self._poll()
                    self._next_list_at = self._clock.monotonic() + self._poll_seconds()
                await self._take_told()
            except UnavailableError as error:
                self._fetch_sent = self._is_list_due = True
                self._failing = True
                delay = self._backoff.next_seconds(error.retry_after_seconds)
                self._log.write("poll.failed", reason=str(error), seconds=round(delay, 3))
                await self._wait_until(self._clock.monotonic() + delay)
                continue
            self._backoff.reset()
            if self._failing:
                self._failing = False
                self._reporter.retry_now()
            await self._wait_until(self._next_due())

    def _next_due(self) -> float:
        dues = [each.next_due() for each in (self._executions, self._doubts, self._cancellations)]
        return min(due for due in [*dues, self._next_list_at] if due is not None)

    def list_now(self) -> None:
        self._is_list_due = True
        self._poll_now.set()

    def _doubt(self, execution_id: str) -> None:
        self._fetch_sent = True
        self._doubts.add(execution_id)

    def _poll_seconds(self) -> float:
        mean = CONNECTED_POLL_SECONDS if self._connected else self._session.identity.poll_seconds
        return mean * self._rng.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)

    async def _wait_until(self, until: float) -> None:
        await first_of(self._clock, self._poll_now, seconds=max(until - self._clock.monotonic(), 0))

    async def _poll(self) -> None:
        self._counters.add("commands_sync_total")
        executions, doubts, cancellations = (
            each.due() for each in (self._executions, self._doubts, self._cancellations)
        )
        was_busy = self._executor.unfinished > 0  # executions that this poll accepts need no check for a cancellation
        await self._take_pending()
        missing = [execution_id for execution_id in executions if not self._executor.knows(execution_id)]
        if self._fetch_sent or self._is_sent_due() or was_busy or missing or doubts or cancellations:
            self._fetch_sent = False
            await self._fetch_sent_list()
            self._sent_fetched_at = self._clock.monotonic()
            self._executor.resume()
        await self._note_looked_for(executions, doubts, cancellations)

    def _is_sent_due(self) -> bool:
        return self._sent_fetched_at is None or self._clock.monotonic() - self._sent_fetched_at >= SENT_EVERY_SECONDS

    async def _take_pending(self) -> None:
        refused: set[str] = set()
        position = PagePosition()
        while True:
            page = await self._api.page("pending", position)
            await self._acknowledge_forgotten(page)
            new = [item for item in page.items if item.work.id not in refused and not self._knows(item)]
            room = max(ACCEPTED_AHEAD - self._executor.unfinished, 0)
            refused |= await self._claims.take(new[:room])
            if len(new) > room:
                self._more_pending = True
                return
            if not page.has_next:
                return
            # Acknowledged executions leave the list, and the later ones move up.
            position = PagePosition() if new else position.after(page)

    async def _acknowledge_forgotten(self, page: Page) -> None:
        """Acknowledge executions that the server has forgotten, and report them again: it takes a result of what is
        acknowledged only."""
        for execution_id in (item.work.id for item in page.items):
            if self._executor.is_forgotten(execution_id) and await self._api.acknowledge(execution_id):
                await self._executor.report_again(execution_id)

    async def _take_told(self) -> None:
        """Claim the work that wake-ups have brought. It stays noted meanwhile, so that a repeated wake-up claims
        nothing again; what there is no room for, the list brings later."""
        told = dict(self._told)
        new = [item for item in told.values() if not self._knows(item)]
        room = max(ACCEPTED_AHEAD - self._executor.unfinished, 0)
        if len(new) > room:
            self._more_pending = True
        try:
            await self._claims.take(new[:room], told=True)
        finally:
            for execution_id in told:
                del self._told[execution_id]

    def _knows(self, item: ListedExecution) -> bool:
        return self._executor.knows(item.work.id)

    async def _fetch_sent_list(self) -> None:
        async for page in self._api.pages("sent"):
            for item in page.items:
                if item.cancel_requested:
                    self._cancellations.found(item.work.id)
                await self._sent_executions.decide(item)
        # From now on there is a record of acknowledgements.
        await self._acknowledgements.add([])

    async def _note_looked_for(self, executions: list[str], doubts: list[str], cancellations: list[str]) -> None:
        for lookups in (self._executions, self._doubts):
            for execution_id in lookups.ids():
                if self._executor.knows(execution_id):
                    lookups.found(execution_id)
        for execution_id in doubts:
            if execution_id in self._doubts.ids() and not self._doubts.missed(execution_id):
                self._acknowledgements.forget(execution_id)
                self._log.write("execution.never_given", execution_id=execution_id)
        for execution_id in executions:
            if execution_id in self._executions.ids() and not self._executions.missed(execution_id):
                self._log.write("execution.not_listed", execution_id=execution_id)
                if execution_id in self._executor.recovered:
                    await self._executor.drop_recovered(execution_id)
        for execution_id in cancellations:
            self._note_cancellation(execution_id)

    def _note_cancellation(self, execution_id: str) -> None:
        if execution_id not in self._cancellations.ids():
            return
        if self._executor.knows(execution_id) and not self._executor.is_unfinished(execution_id):
            self._cancellations.found(execution_id)
        else:
            self._cancellations.missed(execution_id)
