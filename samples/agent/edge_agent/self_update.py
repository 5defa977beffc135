import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from edge_agent.backoff import Backoff
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock
from edge_agent.ports.threads import Threads
from edge_agent.state_directory import StateDirectory
from edge_agent.times import format_time, parse_time
from edge_agent.update_api import UpdateRequest
from edge_agent.waiting import first_of

CHECK_SECONDS = 2 * 60 * 60.0
CHECK_JITTER = 0.1
STATE_FILE = "self_update.json"


class UpdateRequests(Protocol):
    """The source of update requests."""

    async def newest(self) -> UpdateRequest | None: ...


class UpdateMethod(Protocol):
    """A way to update this agent."""

    async def idle(self) -> None:
        """Wait until the previous update has ended."""

    async def act(self, request: UpdateRequest) -> None: ...


class SelfUpdater:
    """Acts once on each update request that is newer than the previous one and than this node's enrolment.

    A request is recorded on disk before it is acted on: a crash in between loses it, and never repeats it. Requests
    carry whole seconds, so only one of two within a second is acted on. The server is not polled during an update.
    """

    def __init__(
        self,
        *,
        api: UpdateRequests,
        method: UpdateMethod,
        state: StateDirectory,
        enrolled_at: Callable[[], datetime],
        backoff: Backoff,
        clock: Clock,
        threads: Threads,
        rng: random.Random,
        log: EventLog,
    ) -> None:
        self._api = api
        self._method = method
        self._state = state
        self._enrolled_at = enrolled_at
        self._backoff = backoff
        self._clock = clock
        self._threads = threads
        self._rng = rng
        self._log = log
        self._poll_now = asyncio.Event()

    def on_frame(self, frame: Mapping[str, Any]) -> None:  # noqa: ARG002 - the frame has no content
        """Handle the server's announcement of a request."""
        self.poll_now()

    def poll_now(self) -> None:
        self._poll_now.set()

    async def run(self) -> None:
        while True:
            await self._method.idle()
            self._poll_now.clear()
            try:
                request = await self._api.newest()
            except UnavailableError as error:
                delay = self._backoff.next_seconds(error.retry_after_seconds)
                self._log.write("self_update.check_failed", reason=str(error), seconds=round(delay, 3))
                await self._clock.sleep(delay)
                continue
            self._backoff.reset()
            if request is not None and self._is_new(request.requested_at):
                await self._act(request)
            await self._pause()

    def _is_new(self, requested_at: datetime) -> bool:
        # The time of enrolment has fractions of a second, that of the request has not.
        if requested_at <= self._enrolled_at() - timedelta(seconds=1):
            return False
        last = self._state.read(STATE_FILE)
        return last is None or requested_at > parse_time(last["acted_on"])

    async def _act(self, request: UpdateRequest) -> None:
        text = format_time(request.requested_at)
        await self._threads.run(lambda: self._state.write(STATE_FILE, {"acted_on": text}))
        self._log.write("self_update.started", requested_at=text)
        await self._method.act(request)

    async def _pause(self) -> None:
        seconds = CHECK_SECONDS * self._rng.uniform(1 - CHECK_JITTER, 1 + CHECK_JITTER)
        await first_of(self._clock, self._poll_now, seconds=seconds)
