import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from edge_agent.agent_api import AgentApi
from edge_agent.clock import Clock
from edge_agent.errors import told
from edge_agent.event_log import EventLog

INTERVAL_JITTER = 0.1


class MetricsPusher:
    """Sends metrics when the server asks for them, and by itself every so often if there is an interval.

    `interval_seconds` may say another one after `interval_changed`; None is never. What is asked for in between puts
    nothing off. `sources` maps a type to what makes its text; one that has none now raises UnavailableError, and is
    left out this time. Nothing is repeated: whoever asked has given up by then, and asks again.
    """

    def __init__(
        self,
        api: AgentApi,
        sources: Mapping[str, Callable[[], str]],
        *,
        interval_seconds: Callable[[], float | None],
        clock: Clock,
        chance: random.Random,
        log: EventLog,
    ) -> None:
        self._api = api
        self._sources = sources
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._chance = chance
        self._log = log
        self._asked = asyncio.Event()
        self._wanted: set[str] = set()

    def asked(self, frame: Mapping[str, Any]) -> None:
        """A frame of the server; types that are not known here are ignored."""
        types = frame.get("metrics_types")
        if isinstance(types, list):
            self._wanted |= {each for each in types if isinstance(each, str) and each in self._sources}
            self._asked.set()

    def interval_changed(self) -> None:
        self._asked.set()

    async def run(self) -> None:
        interval_seconds: float | None = None
        due_at: float | None = None
        while True:
            if interval_seconds != self._interval_seconds():
                interval_seconds = self._interval_seconds()
                due_at = self._next_due(interval_seconds)
            await self._asked_until(due_at)
            self._asked.clear()
            wanted, self._wanted = self._wanted, set()
            if due_at is not None and due_at <= self._clock.monotonic():
                wanted, due_at = set(self._sources), self._next_due(interval_seconds)
            async with asyncio.TaskGroup() as pushes:
                for metrics_type in sorted(wanted):
                    pushes.create_task(self._push(metrics_type))

    async def _push(self, metrics_type: str) -> None:
        try:
            text = await asyncio.to_thread(self._sources[metrics_type])
            await self._api.push_metrics(metrics_type, text)
        except Exception as error:  # noqa: BLE001 - a source reads what is foreign, and whoever asked has a time limit
            self._log.write("metrics.push_failed", metrics_type=metrics_type, reason=told(error))
        else:
            self._log.write("metrics.pushed", metrics_type=metrics_type, bytes=len(text.encode()))

    def _next_due(self, interval_seconds: float | None) -> float | None:
        """On the monotonic clock."""
        if interval_seconds is None:
            return None
        jitter = self._chance.uniform(1 - INTERVAL_JITTER, 1 + INTERVAL_JITTER)
        return self._clock.monotonic() + interval_seconds * jitter

    async def _asked_until(self, due_at: float | None) -> None:
        seconds = None if due_at is None else max(due_at - self._clock.monotonic(), 0)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()
