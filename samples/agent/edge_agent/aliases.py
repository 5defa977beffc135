import asyncio
from collections.abc import Callable, Sequence

from edge_agent.agent_api import AgentApi
from edge_agent.backoff import Backoff
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock

CREATED = 201
CONFLICT = 409


class Aliases:
    """Registers this machine's aliases at every start and after every enrolment.

    A taken name may be this node's own from an earlier start, so it is not treated as an error. A name that the server
    refuses otherwise is logged and skipped until the next time. Requests without an answer are retried.
    """

    def __init__(
        self, api: AgentApi, names: Sequence[str], new_backoff: Callable[[], Backoff], clock: Clock, log: EventLog
    ) -> None:
        self._api = api
        self._names = tuple(dict.fromkeys(names))
        self._new_backoff = new_backoff
        self._clock = clock
        self._log = log
        self._due = asyncio.Event()
        self._due.set()

    def register_again(self) -> None:
        self._due.set()

    async def run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            for name in self._names:
                await self._register(name)

    async def _register(self, name: str) -> None:
        backoff = self._new_backoff()
        while True:
            try:
                answer = await self._api.register_alias(name)
            except UnavailableError as error:
                delay = backoff.next_seconds(error.retry_after_seconds)
                self._log.write("alias.waiting", alias=name, reason=str(error), seconds=round(delay, 3))
                await self._clock.sleep(delay)
                continue
            if answer.status == CREATED:
                self._log.write("alias.registered", alias=name)
            elif answer.status == CONFLICT:
                self._log.write("alias.taken", alias=name, reason=answer.problem)
            else:
                self._log.write("alias.refused", alias=name, reason=answer.problem)
            return
