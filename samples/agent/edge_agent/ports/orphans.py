import os
from contextlib import suppress

from edge_agent.ports.process_group import LEADERS
from edge_agent.ports.process_table import zombie_children


class OrphanReaper:
    """Reaps orphaned processes, which a first process (process id 1, as in a container) inherits.

    The agent's own children are reaped where they were started, at once except for the leaders of process groups,
    which are skipped here. A child that is still a zombie at the second look is therefore an orphan.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def look(self) -> None:
        zombies = zombie_children() - LEADERS
        for pid in zombies & self._seen:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = zombies
