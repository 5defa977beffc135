import asyncio
from collections.abc import Callable, Sequence

from edge_agent.acknowledgements import Acknowledgements
from edge_agent.agent_api import AgentApi, ListedExecution
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.sent_executions import SentExecutions

ACKNOWLEDGE_AT_ONCE = 8
CLAIMED_AT_ONCE = 100


class Claims:
    """Acknowledges executions at the server, and has those run that it gives: its answer alone decides, not the list or
    the wake-up that named them.

    Several are acknowledged by one request, or by one each at a server that is older than that.
    """

    def __init__(
        self,
        *,
        api: AgentApi,
        acknowledgements: Acknowledgements,
        sent_executions: SentExecutions,
        doubt: Callable[[str], None],
        log: EventLog,
    ) -> None:
        """`doubt` is called with each execution that the server may have given although it did not say so."""
        self._api = api
        self._acknowledgements = acknowledgements
        self._sent_executions = sent_executions
        self._doubt = doubt
        self._log = log
        self._takes_several = True

    async def take(self, items: Sequence[ListedExecution], *, told: bool = False) -> set[str]:
        """Acknowledge, accept in order what was given, and return the ids that were refused. `told`: a wake-up brought
        them, so the server takes several.

        Executions that were given are accepted even if other acknowledgements get no answer; the first such error is
        raised at the end.
        """
        if not items:
            return set()
        await self._acknowledgements.add([item.work.id for item in items])
        for item in items:
            self._log.write("execution.fetched", execution_id=item.work.id)
        if told or (len(items) > 1 and self._takes_several):
            return await self._take_together(items)
        return await self._take_one_by_one(items)

    async def _take_together(self, items: Sequence[ListedExecution]) -> set[str]:
        refused: set[str] = set()
        for start in range(0, len(items), CLAIMED_AT_ONCE):
            some = items[start : start + CLAIMED_AT_ONCE]
            try:
                claim = await self._api.claim([item.work.id for item in some])
            except UnavailableError:
                for item in items[start:]:
                    self._doubt(item.work.id)
                raise
            self._takes_several = claim is not None
            if claim is None:
                return refused | await self._take_one_by_one(items[start:])
            error: UnavailableError | None = None
            for item in some:
                if item.work.id in claim.given:
                    error = await self._accepted(item) or error
                    continue
                refused.add(item.work.id)
                self._log.write("execution.not_given", execution_id=item.work.id)
                if item.work.id in claim.over:
                    self._acknowledgements.forget(item.work.id)
                else:
                    self._doubt(item.work.id)
            if error is not None:
                raise error
        return refused

    async def _take_one_by_one(self, items: Sequence[ListedExecution]) -> set[str]:
        slots = asyncio.Semaphore(ACKNOWLEDGE_AT_ONCE)
        acknowledging = [asyncio.ensure_future(self._acknowledge(item.work.id, slots)) for item in items]
        refused: set[str] = set()
        error: UnavailableError | None = None
        try:
            for item, acknowledged in zip(items, acknowledging, strict=True):
                try:
                    is_given = await acknowledged
                except UnavailableError as failure:
                    error = error or failure
                    self._doubt(item.work.id)
                    continue
                if is_given:
                    error = await self._accepted(item) or error
                    continue
                refused.add(item.work.id)
                self._log.write("execution.not_given", execution_id=item.work.id)
                # The server may have given it, and the answer was lost: then `sent` shows it, now or later.
                self._doubt(item.work.id)
        finally:
            for acknowledged in acknowledging:
                acknowledged.cancel()
        if error is not None:
            raise error
        return refused

    async def _accepted(self, item: ListedExecution) -> UnavailableError | None:
        """Accept what was given; returns the error if that cannot be stored now."""
        self._log.write("execution.acknowledged", execution_id=item.work.id)
        try:
            await self._sent_executions.accept(item)
        except UnavailableError as error:
            self._doubt(item.work.id)
            return error
        return None

    async def _acknowledge(self, execution_id: str, slots: asyncio.Semaphore) -> bool:
        async with slots:
            return await self._api.acknowledge(execution_id)
