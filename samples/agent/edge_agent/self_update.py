import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

from edge_agent.backoff import Backoff
from edge_agent.clock import format_time, parse_time
from edge_agent.command_update import from_thread
from edge_agent.durable import StateDirectory
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.update_api import UpdateRequest

CHECK_SECONDS = 2 * 60 * 60.0
CHECK_JITTER = 0.1
STATE_FILE = "self_update.json"


class Requests(Protocol):
    """Where requests come from."""

    async def newest(self) -> UpdateRequest | None: ...


class UpdateWay(Protocol):
    """How this agent updates itself."""

    async def idle(self) -> None:
        """Returns when the update before is over."""

    async def act(self, request: UpdateRequest) -> None: ...


class SelfUpdater:
    """Acts once upon each request that is newer than the last one, and than this node's enrolment.

    What is acted upon is on disk before: a crash in between loses the request, and never repeats it. Requests carry
    whole seconds: of two in one second, one is acted upon. While an update is under way, the server is not asked: the
    next request waits.
    """

    def __init__(
        self,
        *,
        api: Requests,
        way: UpdateWay,
        state: StateDirectory,
        enrolled_at: Callable[[], datetime],
        backoff: Backoff,
        chance: random.Random,
        log: EventLog,
    ) -> None:
        self._api = api
        self._way = way
        self._state = state
        self._enrolled_at = enrolled_at
        self._backoff = backoff
        self._chance = chance
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()

    def asked(self, frame: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - it says nothing more
        """Look for a request now."""
        self._asked.set()

    def asked_from_thread(self) -> None:
        from_thread(self._loop, self._asked.set)

    async def run(self) -> None:
        while True:
            await self._way.idle()
            self._asked.clear()
            try:
                request = await self._api.newest()
            except UnavailableError as error:
                delay = self._backoff.next_seconds(error.retry_after_seconds)
                self._log.write("self_update.check_failed", reason=str(error), seconds=round(delay, 3))
                await asyncio.sleep(delay)
                continue
            self._backoff.reset()
            if request is not None and self._is_new(request.requested_at):
                await self._act(request)
            await self._pause()

    def _is_new(self, requested_at: datetime) -> bool:
        # The enrolment is known more exactly than the request: within one second the server's word decides.
        if requested_at <= self._enrolled_at() - timedelta(seconds=1):
            return False
        last = self._state.read(STATE_FILE)
        return last is None or requested_at > parse_time(last["acted_on"])

    async def _act(self, request: UpdateRequest) -> None:
        text = format_time(request.requested_at)
        await asyncio.to_thread(self._state.write, STATE_FILE, {"acted_on": text})
        self._log.write("self_update.started", requested_at=text)
        await self._way.act(request)

    async def _pause(self) -> None:
        seconds = CHECK_SECONDS * self._chance.uniform(1 - CHECK_JITTER, 1 + CHECK_JITTER)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()
