import asyncio
import os
from contextlib import suppress

from edge_agent.process_group import LEADERS
from edge_agent.processes import pids, status_of

LOOK_SECONDS = 5.0
FIRST_PROCESS = 1


class OrphanReaper:
    """Reaps the orphans that a first process (process id 1, as in a container) inherits; others inherit none.

    A child of the agent's own is reaped by who started it, at once but for the leaders of process groups, which are
    left alone here. So whatever is still a zombie at a second look is an orphan.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    async def run(self) -> None:
        while os.getpid() == FIRST_PROCESS:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        zombies = {pid for pid in pids() if _is_zombie_of_ours(pid)} - LEADERS
        for pid in zombies & self._seen:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = zombies


def _is_zombie_of_ours(pid: int) -> bool:
    status = status_of(pid)
    return status is not None and status.state == "Z" and status.parent == os.getpid()
