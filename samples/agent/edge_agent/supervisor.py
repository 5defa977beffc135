import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.errors import told
from edge_agent.event_log import EventLog

# A task that ran for so long before it failed starts its waits anew.
STEADY_SECONDS = 600.0


class Supervisor:
    """Runs the parts of the agent so that a failure of one ends nothing else.

    A part that `keep` runs is started again after an exponential backoff; one that `spawn` runs is logged and given up.
    Both let cancellation through. The log line `task.failed` names the type of the error and where it was raised.
    """

    def __init__(
        self, tasks: asyncio.TaskGroup, new_backoff: Callable[[], Backoff], clock: Clock, log: EventLog
    ) -> None:
        self._tasks = tasks
        self._new_backoff = new_backoff
        self._clock = clock
        self._log = log

    def keep(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Run until it returns by itself. `run` is called for every start."""
        return self._tasks.create_task(self._keep(name, run))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run once."""
        return self._tasks.create_task(self._once(work))

    async def _keep(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        backoff = self._new_backoff()
        while True:
            started_at = self._clock.monotonic()
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the others
                if self._clock.monotonic() - started_at >= STEADY_SECONDS:
                    backoff.reset()
                delay = backoff.next_seconds()
                self._log.write("task.failed", task=name, reason=told(error), seconds=round(delay, 3))
                await asyncio.sleep(delay)
            else:
                return

    async def _once(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - as above
            self._log.write("task.failed", task=getattr(work, "__qualname__", "task"), reason=told(error))
