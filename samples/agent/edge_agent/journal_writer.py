from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from edge_agent.backoff import Backoff
from edge_agent.errors import describe
from edge_agent.event_log import EventLog
from edge_agent.journal import Journal
from edge_agent.ports.clock import Clock
from edge_agent.ports.threads import Worker

TIDY_SECONDS = 3600.0
MEND_SECONDS = 60.0

P = ParamSpec("P")
T = TypeVar("T")


class JournalWriter:
    """Makes the journal's writes in one thread, in order, so that syncing a slow disk delays nothing else."""

    def __init__(self, worker: Worker, new_backoff: Callable[[], Backoff], clock: Clock, log: EventLog) -> None:
        self._worker = worker
        self._new_backoff = new_backoff
        self._clock = clock
        self._log = log

    async def run(self, write: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make one write. Raises OSError if it fails."""
        return await self._worker.run(partial(write, *args, **kwargs))

    async def succeeds(self, write: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Make one write. False, with a line in the log, if it fails."""
        try:
            await self.run(write, *args, **kwargs)
        except OSError as error:
            self._log.write("journal.failed", reason=describe(error))
            return False
        return True

    async def until_done(self, write: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Repeat a write until it succeeds: it records an event that has happened already."""
        backoff = self._new_backoff()
        while not await self.succeeds(write, *args, **kwargs):
            await self._clock.sleep(backoff.next_seconds())

    async def tend(self, journal: Journal) -> None:
        """Tidy the journal every hour, since on a quiet machine it is not rewritten otherwise; and after a failed
        write every minute, until it is whole again."""
        waited = 0.0
        while True:
            await self._clock.sleep(MEND_SECONDS)
            waited += MEND_SECONDS
            if journal.is_torn or waited >= TIDY_SECONDS:
                await self.run(journal.tidy)
                waited = 0.0
