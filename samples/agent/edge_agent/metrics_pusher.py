import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge_agent.agent_api import AgentApi
from edge_agent.counters import Counters
from edge_agent.errors import UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock
from edge_agent.waiting import first_of

INTERVAL_JITTER = 0.1
# Asked for in the same frame as metrics.
DIAGNOSTICS = "diagnostics"


class MetricsPusher:
    """Sends metrics when the server asks for them, and regularly if there is an interval.

    `interval_seconds` returns the interval, None for none; call `interval_changed` after a change. Requests do not
    shift the regular pushes. `sources` maps a type of metrics to a function that returns their text, or raises
    `UnavailableError`, in which case they are skipped this time. A failed push is not retried: the server asks again.
    `diagnose` makes a diagnostic report, which is sent only on request.
    """

    def __init__(
        self,
        api: AgentApi,
        sources: Mapping[str, Callable[[], Awaitable[str]]],
        diagnose: Callable[[], Awaitable[dict[str, Any]]],
        *,
        interval_seconds: Callable[[], float | None],
        counters: Counters,
        clock: Clock,
        rng: random.Random,
        log: EventLog,
    ) -> None:
        self._api = api
        self._sources = sources
        self._diagnose = diagnose
        self._interval_seconds = interval_seconds
        self._counters = counters
        self._clock = clock
        self._rng = rng
        self._log = log
        self._requested = asyncio.Event()
        self._requested_types: set[str] = set()

    def on_frame(self, frame: Mapping[str, Any]) -> None:
        """Handle a request of the server. Unknown types are ignored."""
        types = frame.get("metrics_types")
        if isinstance(types, list):
            known = {*self._sources, DIAGNOSTICS}
            self._requested_types |= {each for each in types if isinstance(each, str) and each in known}
            self._requested.set()

    def interval_changed(self) -> None:
        self._requested.set()

    async def run(self) -> None:
        interval_seconds: float | None = None
        due_at: float | None = None
        while True:
            if interval_seconds != self._interval_seconds():
                interval_seconds = self._interval_seconds()
                due_at = self._next_due(interval_seconds)
            await self._wait_for_request(due_at)
            self._requested.clear()
            requested, self._requested_types = self._requested_types, set()
            if due_at is not None and due_at <= self._clock.monotonic():
                requested, due_at = set(self._sources), self._next_due(interval_seconds)
            async with asyncio.TaskGroup() as pushes:
                for metrics_type in sorted(requested - {DIAGNOSTICS}):
                    pushes.create_task(self._push(metrics_type))
                if DIAGNOSTICS in requested:
                    pushes.create_task(self._tell_report())

    async def _push(self, metrics_type: str) -> None:
        try:
            text = await self._sources[metrics_type]()
            await self._api.push_metrics(metrics_type, text)
        except Exception as error:  # noqa: BLE001 - a source may raise anything on an odd system
            self._log.write("metrics.push_failed", metrics_type=metrics_type, reason=describe(error))
        else:
            self._log.write("metrics.pushed", metrics_type=metrics_type, bytes=len(text.encode()))

    async def _tell_report(self) -> None:
        try:
            await self._api.tell_diagnostics(await self._diagnose())
        except UnavailableError as error:
            self._counters.add("diagnostics_push_total", result="failure")
            self._log.write("diagnostics.push_failed", reason=describe(error))
        else:
            self._counters.add("diagnostics_push_total", result="success")
            self._log.write("diagnostics.pushed")

    def _next_due(self, interval_seconds: float | None) -> float | None:
        """When the next regular push is due, on the monotonic clock; None without an interval."""
        if interval_seconds is None:
            return None
        jitter = self._rng.uniform(1 - INTERVAL_JITTER, 1 + INTERVAL_JITTER)
        return self._clock.monotonic() + interval_seconds * jitter

    async def _wait_for_request(self, due_at: float | None) -> None:
        seconds = None if due_at is None else max(due_at - self._clock.monotonic(), 0)
        await first_of(self._clock, self._requested, seconds=seconds)
