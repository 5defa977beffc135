import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from edge_agent.backoff import Backoff
from edge_agent.errors import told
from edge_agent.event_log import EventLog

TIDY_SECONDS = 3600.0

P = ParamSpec("P")
T = TypeVar("T")


class JournalThread:
    """Runs the journal's writes in one thread, in order, so that the flush of a slow disk delays nothing else."""

    def __init__(self, new_backoff: Callable[[], Backoff], log: EventLog) -> None:
        self._new_backoff = new_backoff
        self._log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        # Now, since later there may be no thread to be had.
        self._thread.submit(int)

    async def run(self, write: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises OSError where the disk does not take it."""
        return await asyncio.wrap_future(self._thread.submit(write, *args, **kwargs))

    async def tried(self, write: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Whether the disk took it."""
        try:
            await self.run(write, *args, **kwargs)
        except OSError as error:
            self._log.write("journal.failed", reason=told(error))
            return False
        return True

    async def until_done(self, write: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Repeat until the disk takes it: for what has happened already."""
        backoff = self._new_backoff()
        while not await self.tried(write, *args, **kwargs):  # noqa: ASYNC110 - a disk gives no sign when it is well
            await asyncio.sleep(backoff.next_seconds())

    async def tidy_up(self, tidy: Callable[[], None]) -> None:
        """From time to time, so that what is not needed any more does not stay on the disk of a quiet machine."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            await self.run(tidy)

    def close(self) -> None:
        self._thread.shutdown()
