import asyncio
import random
from collections.abc import Iterable

from edge_agent.agent_api import AgentApi, Listed
from edge_agent.asked import Asked
from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.reporter import Reporter
from edge_agent.sent_work import SentWork
from edge_agent.session import Session
from edge_agent.wanted import DOUBT_SECONDS, Wanted

# While it polls.
SENT_EVERY_SECONDS = 3600.0
# Longer than a socket lives: it looks after each connect, and at each beat the server tells what still waits.
CONNECTED_POLL_SECONDS = 7200.0
POLL_JITTER = 0.2
ACKNOWLEDGE_AT_ONCE = 8
# So many are taken ahead; the others stay pending at the server, where they can be cancelled or expire.
AHEAD = 200


class Intake:
    """Finds this node's work in the server's lists and brings it to the executor. The lists are the truth; a wake-up
    only makes it look sooner.

    `pending` is asked on every look. `sent` is asked when it can matter: at the start, while something from before the
    look is unfinished (cancellations), as long as the outcome of an acknowledgement is in doubt, which a restart does
    not forget, and from time to time while there is no socket. One look at a time; what is asked for meanwhile
    brings another.
    """

    def __init__(
        self,
        *,
        api: AgentApi,
        session: Session,
        executor: Executor,
        asked: Asked,
        sent_work: SentWork,
        reporter: Reporter,
        backoff: Backoff,
        clock: Clock,
        chance: random.Random,
        counters: Counters,
        log: EventLog,
    ) -> None:
        self._api = api
        self._session = session
        self._executor = executor
        self._asked = asked
        self._sent_work = sent_work
        self._reporter = reporter
        self._backoff = backoff
        self._clock = clock
        self._chance = chance
        self._counters = counters
        self._log = log
        self._look_now = asyncio.Event()
        self._executions = Wanted(clock)
        self._doubts = Wanted(clock, DOUBT_SECONDS)
        self._cancellations = Wanted(clock)
        self._ask_sent = True
        self._sent_asked_at: float | None = None
        self._left_behind = False
        self._connected = False
        self._failing = False

    def wake_up(self, execution_ids: Iterable[str]) -> None:
        for execution_id in execution_ids:
            self._log.write("execution.wake_up", execution_id=execution_id)
            # A second wake-up for what is being looked for brings no second look.
            if not self._executor.knows(execution_id) and execution_id not in self._executions.ids():
                self._executions.add(execution_id)
                self._look_now.set()

    def cancel_requested(self, execution_ids: Iterable[str]) -> None:
        for execution_id in execution_ids:
            self._cancellations.add(execution_id)
            self._look_now.set()

    def connected(self) -> None:
        self._connected = True
        if self._asked.ids():
            self._ask_sent = True
        self._look_now.set()
        self._reporter.retry_now()

    def disconnected(self) -> None:
        self._connected = False
        self._look_now.set()

    def room_made(self) -> None:
        if self._left_behind and self._executor.unfinished <= AHEAD // 2:
            self._left_behind = False
            self._look_now.set()

    async def run(self) -> None:
        self._asked.load()
        for execution_id in self._asked.ids():
            if self._executor.knows(execution_id):
                self._asked.settled(execution_id)
            else:
                self._doubts.add(execution_id)
        while True:
            self._look_now.clear()
            try:
                await self._look()
            except UnavailableError as error:
                self._ask_sent = True
                self._failing = True
                delay = self._backoff.next_seconds(error.retry_after_seconds)
                self._log.write("poll.failed", reason=str(error), seconds=round(delay, 3))
                await self._wait_until(self._clock.monotonic() + delay)
                continue
            self._backoff.reset()
            if self._failing:
                self._failing = False
                self._reporter.retry_now()
            dues = [each.next_due() for each in (self._executions, self._doubts, self._cancellations)]
            next_poll = self._clock.monotonic() + self._poll_seconds()
            await self._wait_until(min(due for due in [*dues, next_poll] if due is not None))

    def _poll_seconds(self) -> float:
        mean = CONNECTED_POLL_SECONDS if self._connected else self._session.identity.poll_seconds
        return mean * self._chance.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)

    async def _wait_until(self, until: float) -> None:
        try:
            async with asyncio.timeout(max(until - self._clock.monotonic(), 0)):
                await self._look_now.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        self._counters.add("commands_sync_total")
        executions, doubts, cancellations = (
            each.due() for each in (self._executions, self._doubts, self._cancellations)
        )
        was_busy = self._executor.unfinished > 0  # what this look takes has just been seen: it needs no second list
        await self._take_pending()
        missing = [execution_id for execution_id in executions if not self._executor.knows(execution_id)]
        if self._ask_sent or self._is_sent_due() or was_busy or missing or doubts or cancellations:
            self._ask_sent = False
            await self._take_sent()
            self._sent_asked_at = self._clock.monotonic()
            self._executor.resume()
        self._note_looked_for(executions, doubts, cancellations)

    def _is_sent_due(self) -> bool:
        return self._sent_asked_at is None or self._clock.monotonic() - self._sent_asked_at >= SENT_EVERY_SECONDS

    async def _take_pending(self) -> None:
        refused: set[str] = set()
        number = 1
        while True:
            page = await self._api.page("pending", number)
            new = [item for item in page.items if item.work.id not in refused and not self._knows(item)]
            room = max(AHEAD - self._executor.unfinished, 0)
            refused |= await self._acknowledge(new[:room])
            if len(new) > room:
                self._left_behind = True
                return
            if not page.has_next:
                return
            # What was acknowledged leaves the list, and what was behind moves up.
            number = 1 if new else number + 1

    def _knows(self, item: Listed) -> bool:
        return self._executor.knows(item.work.id)

    async def _acknowledge(self, items: list[Listed]) -> set[str]:
        """Acknowledge several at a time and take them in their order. Returns the ids that the server did not give.

        After a doubtful acknowledgement the others are still taken; the first doubt is raised at the end.
        """
        if items:
            await self._asked.add([item.work.id for item in items])
        turns = asyncio.Semaphore(ACKNOWLEDGE_AT_ONCE)
        acknowledging = [asyncio.ensure_future(self._acknowledge_one(item.work.id, turns)) for item in items]
        refused: set[str] = set()
        doubt: UnavailableError | None = None
        try:
            for item, acknowledged in zip(items, acknowledging, strict=True):
                try:
                    if await acknowledged:
                        await self._sent_work.take(item)
                        continue
                    refused.add(item.work.id)
                except UnavailableError as error:
                    doubt = doubt or error
                # The server may have given it, now or before, and the answer been lost: then `sent` shows it, or will.
                self._ask_sent = True
                self._doubts.add(item.work.id)
        finally:
            for acknowledged in acknowledging:
                acknowledged.cancel()
        if doubt is not None:
            raise doubt
        return refused

    async def _acknowledge_one(self, execution_id: str, turns: asyncio.Semaphore) -> bool:
        async with turns:
            self._log.write("execution.fetched", execution_id=execution_id)
            given = await self._api.acknowledge(execution_id)
        self._log.write("execution.acknowledged" if given else "execution.not_given", execution_id=execution_id)
        return given

    async def _take_sent(self) -> None:
        async for page in self._api.pages("sent"):
            for item in page.items:
                if item.cancel_requested:
                    self._cancellations.found(item.work.id)
                await self._sent_work.decide(item)
        # From now on there is a record of what this agent asks for.
        await self._asked.add([])

    def _note_looked_for(self, executions: list[str], doubts: list[str], cancellations: list[str]) -> None:
        for wanted in (self._executions, self._doubts):
            for execution_id in wanted.ids():
                if self._executor.knows(execution_id):
                    wanted.found(execution_id)
        for execution_id in doubts:
            if execution_id in self._doubts.ids() and not self._doubts.missed(execution_id):
                self._asked.settled(execution_id)
                self._log.write("execution.never_given", execution_id=execution_id)
        for execution_id in executions:
            if execution_id in self._executions.ids() and not self._executions.missed(execution_id):
                self._log.write("execution.not_listed", execution_id=execution_id)
        for execution_id in cancellations:
            self._note_cancellation(execution_id)

    def _note_cancellation(self, execution_id: str) -> None:
        if execution_id not in self._cancellations.ids():
            return
        if self._executor.knows(execution_id) and not self._executor.is_unfinished(execution_id):
            self._cancellations.found(execution_id)
        else:
            self._cancellations.missed(execution_id)
