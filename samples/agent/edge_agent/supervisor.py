import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from edge_agent.backoff import Backoff
from edge_agent.errors import describe
from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock

Run = Callable[[], Coroutine[Any, Any, None]]
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]

# A part that ran for this long before it failed restarts without the accumulated backoff.
STEADY_SECONDS = 600.0


class Supervisor:
    """Runs the parts of the agent so that a failing part does not affect the others.

    A part started by `keep` is restarted after an exponential backoff; one started by `spawn` is not. Both let
    cancellation through. The log line `task.failed` has the type of the error and where it was raised.
    """

    def __init__(
        self, tasks: asyncio.TaskGroup, new_backoff: Callable[[], Backoff], clock: Clock, log: EventLog
    ) -> None:
        self._tasks = tasks
        self._new_backoff = new_backoff
        self._clock = clock
        self._log = log

    def keep(self, name: str, run: Run) -> asyncio.Task[None]:
        """Run a part until it returns without an error. `run` is called for every start."""
        return self._tasks.create_task(self._keep(name, run))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a part once."""
        return self._tasks.create_task(self._once(work))

    async def _keep(self, name: str, run: Run) -> None:
        backoff = self._new_backoff()
        while True:
            started_at = self._clock.monotonic()
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - no error may affect the other parts
                if self._clock.monotonic() - started_at >= STEADY_SECONDS:
                    backoff.reset()
                delay = backoff.next_seconds()
                self._log.write("task.failed", task=name, reason=describe(error), seconds=round(delay, 3))
                await self._clock.sleep(delay)
            else:
                return

    async def _once(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - as above
            self._log.write("task.failed", task=getattr(work, "__qualname__", "task"), reason=describe(error))
